/** A frame's bytes several at a time, which is how JavaScript compares memory fast. */
import { PLAIN } from './plain.ts';

/** A frame's memory for reads of one, four and eight bytes; offsets are the memory's, not the frame's. */
export class Wide {
  bytes: Buffer = Buffer.alloc(0);
  data = new DataView(this.bytes.buffer);
  #frame: Uint8Array = this.bytes;

  /** Turns to the memory of `frame`. Frames of one packet share theirs, so this seldom makes anything. */
  over(frame: Uint8Array): void {
    // Asking for the memory takes as long as reading a value.
    if (frame === this.#frame) return;
    this.#frame = frame;
    const memory = frame.buffer;
    if (memory === this.bytes.buffer) return;
    this.bytes = Buffer.from(memory);
    this.data = new DataView(memory);
  }

  /** The first place from `at` on whose byte does not stand for itself in a JSON string; at most `end`. */
  plainEnd(at: number, end: number): number {
    const { bytes, data } = this;
    while (at + 4 <= end && arePlain(data.getInt32(at, true))) at += 4;
    while (at < end && PLAIN[bytes[at] ?? 0] === 1) at++;
    return at;
  }
}

/**
 * Whether none of four bytes is a control character, a quote, a backslash or beyond ASCII. Each term
 * sets the high bit of a byte that is; a borrow reaches only bytes behind one.
 */
export function arePlain(four: number): boolean {
  const control = (four - 0x20202020) | 0;
  const quote = ((four ^ 0x22222222) - 0x01010101) | 0;
  const backslash = ((four ^ 0x5c5c5c5c) - 0x01010101) | 0;
  return ((four | control | quote | backslash) & 0x80808080) === 0;
}

/** ASCII bytes to compare with. */
export class Literal {
  readonly length: number;
  /**
   * Every eight bytes, and the last eight, as doubles: of ASCII none is NaN, and none but eight zero
   * bytes, which no JSON has, is zero. So two are equal when their bytes are.
   */
  readonly #words: Float64Array;
  /** Those of a literal that is shorter. */
  readonly #few: Uint8Array;

  constructor(bytes: Uint8Array) {
    const { length } = bytes;
    const data = new DataView(bytes.buffer, bytes.byteOffset, length);
    this.length = length;
    this.#few = length < 8 ? Uint8Array.from(bytes) : new Uint8Array(0);
    this.#words = Float64Array.from({ length: length < 8 ? 0 : Math.ceil(length / 8) }, (_, n) =>
      data.getFloat64(Math.min(n * 8, length - 8), true),
    );
  }

  /** Whether it stands at `at` and ends before `end`. */
  isAt({ bytes, data }: Wide, at: number, end: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    if (at + this.length > end) return false;
    if (last < 0) {
      const few = this.#few;
      for (let i = 0; i < few.length; i++) if (bytes[at + i] !== few[i]) return false;
      return true;
    }
    for (let i = 0; i < last; i++) if (data.getFloat64(at + i * 8, true) !== words[i]) return false;
    return data.getFloat64(at + this.length - 8, true) === words[last];
  }
}
