/** Where a trade's values stand in its document, as the scanner found them. */

/** The payload's fields; each is a bit of the mask of those seen. */
export const ID = 1;
export const MARKET = 2;
export const VENUE = 4;
export const PAIR = 8;
export const TIME = 16;
export const PRICE = 32;
export const SIZE = 64;
export const SIDE = 128;

/** In the order of the document. Offsets are those of the frame. */
export class Layout {
  count = 0;
  readonly fields = new Uint8Array(8);
  /** The value, without its quotes. */
  readonly starts = new Uint32Array(8);
  readonly ends = new Uint32Array(8);

  add(field: number, start: number, end: number): void {
    const at = this.count++;
    this.fields[at] = field;
    this.starts[at] = start;
    this.ends[at] = end;
  }
}
