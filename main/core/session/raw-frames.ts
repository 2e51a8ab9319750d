/** The last frames of a link as they came, for the eye. */
import type { Millis, RawFrame } from '../contract.ts';

/** So many frames are kept, and of each so many bytes from its beginning. */
export const KEPT_FRAMES = 200;
export const KEPT_BYTES = 16 * 1024;
/**
 * Bytes of all texts together as JSON, in which a control takes six: a list of frames that are nothing
 * else would be more than a view may leave unread.
 */
export const LISTED_BYTES = 4 * 1024 * 1024;

/** Nearly all frames are shorter, and lie side by side: to write far apart takes many times as long. */
const SHORT_BYTES = 512;

/**
 * A ring of fixed size: nothing is allocated for a frame, and no text is made of it until it is asked
 * for. Memory that no frame has filled yet costs nothing.
 */
export class RawFrames {
  readonly #bytes = new Uint8Array(KEPT_FRAMES * KEPT_BYTES);
  readonly #short = new Uint8Array(KEPT_FRAMES * SHORT_BYTES);
  readonly #times = new Float64Array(KEPT_FRAMES);
  /** Whole lengths. */
  readonly #lengths = new Uint32Array(KEPT_FRAMES);
  /** Frames noted since the beginning, and those of them whose bytes were copied or are not kept. */
  #count = 0;
  #copied = 0;
  /** What holds the frames that were not, and where in it. */
  #given: Uint8Array | null = null;
  readonly #starts = new Uint32Array(KEPT_FRAMES);

  /**
   * Of many frames that come at once only the last are kept, so their bytes are copied when all came: `copy`
   * is to be called before `bytes` may change.
   *
   * @param bytes hold the frame from `start` up to `end`
   */
  note(at: Millis, bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (bytes !== this.#given) {
      this.copy();
      this.#given = bytes;
    }
    const slot = this.#count++ % KEPT_FRAMES;
    this.#times[slot] = at;
    this.#starts[slot] = start;
    this.#lengths[slot] = end - start;
  }

  /** Copies the beginnings of the frames that were noted. */
  copy(): void {
    const given = this.#given;
    if (given === null) return;
    for (let n = Math.max(this.#copied, this.#count - KEPT_FRAMES); n < this.#count; n++) {
      const slot = n % KEPT_FRAMES;
      const start = this.#starts[slot] ?? 0;
      const length = this.#lengths[slot] ?? 0;
      const [kept, to] = this.#place(slot, length);
      const stop = start + Math.min(length, KEPT_BYTES);
      // A view of each would take longer than the copy.
      if (given instanceof Buffer) given.copy(kept, to, start, stop);
      else kept.set(given.subarray(start, stop), to);
    }
    this.#copied = this.#count;
    this.#given = null;
  }

  /** Where the bytes of a frame of that length are. */
  #place(slot: number, length: number): [kept: Uint8Array, at: number] {
    return length <= SHORT_BYTES ? [this.#short, slot * SHORT_BYTES] : [this.#bytes, slot * KEPT_BYTES];
  }

  /** Those that are kept, oldest first; only the newest when all would be beyond `LISTED_BYTES`. */
  list(): RawFrame[] {
    this.copy();
    const frames: RawFrame[] = [];
    let room = LISTED_BYTES;
    for (let age = 1; age <= Math.min(this.#count, KEPT_FRAMES); age++) {
      const frame = this.#frame((this.#count - age) % KEPT_FRAMES);
      room -= Buffer.byteLength(JSON.stringify(frame.text));
      if (room < 0) break;
      frames.push(frame);
    }
    return frames.reverse();
  }

  #frame(slot: number): RawFrame {
    const bytes = this.#lengths[slot] ?? 0;
    const truncated = bytes > KEPT_BYTES;
    const [memory, start] = this.#place(slot, bytes);
    const kept = memory.subarray(start, start + Math.min(bytes, KEPT_BYTES));
    // As of a stream, what is cut leaves out the character that the cut went through. A byte order mark is
    // part of what came.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept, { stream: truncated });
    return { at: this.#times[slot] ?? 0, bytes, text, truncated };
  }
}
