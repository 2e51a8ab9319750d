/**
 * Text messages as WebSocket frames (RFC 6455, section 5.2), many in one buffer: one write to the
 * socket for all messages of a moment costs a fraction of one write for each.
 */

const TEXT_FRAME = 0x81;
const LENGTH_IN_16_BITS = 126;
const HEADER = 4;
const MIN_PAYLOAD = 126;
const MAX_PAYLOAD = 65_535;

export class FrameWriter {
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /**
   * @param text 126 to 65,535 bytes of UTF-8, the range of this length of header. The fixed text of
   *   a trade or candle alone has more than 126; fields are limited where they come in.
   */
  add(text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    const needed = this.#length + HEADER + text.length * 3;
    if (needed > this.#buffer.length) this.#grow(needed);
    const size = this.#buffer.write(text, this.#length + HEADER, 'utf8');
    if (size < MIN_PAYLOAD || size > MAX_PAYLOAD) throw new RangeError(`a frame of ${size} bytes`);
    this.#buffer[this.#length] = TEXT_FRAME;
    this.#buffer[this.#length + 1] = LENGTH_IN_16_BITS;
    this.#buffer.writeUInt16BE(size, this.#length + 2);
    this.#length += HEADER + size;
  }

  /** The frames so far; they belong to the caller, and the writer starts anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }

  #grow(needed: number): void {
    const next = Buffer.allocUnsafe(Math.max(4_096, needed * 2));
    this.#buffer.copy(next, 0, 0, this.#length);
    this.#buffer = next;
  }
}
