/** Strings that come again and again in frames (market ids, field names), made once. */

const SLOTS = 4096;
/** Longer texts are not kept, so that the table stays in a few MiB. */
const LONGEST = 256;

/**
 * A table from ASCII bytes to strings. It holds at most one text for each slot and forgets the older,
 * so a server that invents names without end costs no memory.
 */
export class Interner {
  readonly #texts: string[] = new Array<string>(SLOTS).fill('');
  /** The bytes of each text: comparing with them takes half the time of comparing with the text. */
  readonly #bytes: Uint8Array[] = new Array<Uint8Array>(SLOTS).fill(new Uint8Array(0));

  /** The text of bytes[start..end), which must all be below 0x80. */
  get(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    let hash = length;
    for (let i = start; i < end; i++) hash = (hash * 31 + (bytes[i] ?? 0)) | 0;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#bytes[slot];
    if (known?.length === length) {
      let i = 0;
      while (i < length && known[i] === bytes[start + i]) i++;
      if (i === length) return this.#texts[slot] ?? '';
    }
    const text = bytes.toString('latin1', start, end);
    if (length <= LONGEST) {
      this.#texts[slot] = text;
      this.#bytes[slot] = Uint8Array.prototype.slice.call(bytes, start, end);
    }
    return text;
  }
}
