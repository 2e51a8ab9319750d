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

/**
 * A ring of fixed size: nothing is allocated for a frame, and no text is made of it until it is asked
 * for. Memory that no frame has filled yet costs nothing.
 */
export class RawFrames {
  readonly #bytes = new Uint8Array(KEPT_FRAMES * KEPT_BYTES);
  readonly #times = new Float64Array(KEPT_FRAMES);
  /** Whole lengths. */
  readonly #lengths = new Uint32Array(KEPT_FRAMES);
  /** Frames noted since the beginning. */
  #count = 0;

  /**
   * Copies the frame's beginning: a socket's bytes are valid only while it hands them over.
   *
   * @param bytes hold the frame from `start` up to `end`
   */
  note(at: Millis, bytes: Uint8Array, start = 0, end = bytes.length): void {
    const slot = this.#count++ % KEPT_FRAMES;
    this.#times[slot] = at;
    this.#lengths[slot] = end - start;
    const stop = Math.min(end, start + KEPT_BYTES);
    // A view of each would take longer than the copy.
    if (bytes instanceof Buffer) bytes.copy(this.#bytes, slot * KEPT_BYTES, start, stop);
    else this.#bytes.set(bytes.subarray(start, stop), slot * KEPT_BYTES);
  }

  /** Those that are kept, oldest first; only the newest when all would be beyond `LISTED_BYTES`. */
  list(): RawFrame[] {
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
    const start = slot * KEPT_BYTES;
    const bytes = this.#lengths[slot] ?? 0;
    const truncated = bytes > KEPT_BYTES;
    const kept = this.#bytes.subarray(start, start + Math.min(bytes, KEPT_BYTES));
    // As of a stream, what is cut leaves out the character that the cut went through. A byte order mark is
    // part of what came.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept, { stream: truncated });
    return { at: this.#times[slot] ?? 0, bytes, text, truncated };
  }
}
