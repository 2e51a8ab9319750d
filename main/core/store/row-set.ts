/** Which rows were seen: a bit each, in pages that are made when they are needed. */
const PAGE_BITS = 16;
const PAGE_ROWS = 2 ** PAGE_BITS;
/** 512 MB: four thousand million rows in order. Damage must not take more. */
const MOST_PAGES = 65_536;

export class RowSet {
  readonly #pages = new Map<number, Uint8Array>();

  /** False when it was there before. What there is no room for is taken as new. @param row 0 or more */
  add(row: number): boolean {
    const page = Math.floor(row / PAGE_ROWS);
    let bytes = this.#pages.get(page);
    if (bytes === undefined) {
      if (this.#pages.size >= MOST_PAGES) return true;
      bytes = new Uint8Array(PAGE_ROWS / 8);
      this.#pages.set(page, bytes);
    }
    const at = (row % PAGE_ROWS) >> 3;
    const bit = 1 << (row & 7);
    const held = bytes[at] ?? 0;
    if ((held & bit) !== 0) return false;
    bytes[at] = held | bit;
    return true;
  }
}
