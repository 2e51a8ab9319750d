/** Market ids in frames, each with what follows it in every trade of the market: found and compared at once. */
import { PLAIN } from './plain.ts';
import { arePlain, Literal, type Wide } from './wide.ts';

const SLOTS = 4096;
/** Longer ones are not kept, so that the table stays in a few MiB. */
const LONGEST = 1024;

export interface MarketSpan {
  readonly market: string;
  /** From the id on. */
  readonly literal: Literal;
}

/** Holds one span a slot, and for each a second place beside it; forgets the older. */
export class MarketSpans {
  readonly #spans: (MarketSpan | null)[] = new Array<MarketSpan | null>(SLOTS).fill(null);
  readonly #older: (MarketSpan | null)[] = new Array<MarketSpan | null>(SLOTS).fill(null);

  /** The known span that stands at `at`, where an id begins, and ends before `end`. */
  find(wide: Wide, at: number, end: number): MarketSpan | null {
    const slot = slotOf(wide, at, end);
    const span = this.#spans[slot] ?? null;
    if (span === null || span.literal.isAt(wide, at, end)) return span;
    const older = this.#older[slot] ?? null;
    return older?.literal.isAt(wide, at, end) === true ? older : null;
  }

  /** @param market the id that begins at `start` */
  add(wide: Wide, frame: Buffer, start: number, end: number, market: string): void {
    if (end - start > LONGEST) return;
    const slot = slotOf(wide, frame.byteOffset + start, frame.byteOffset + frame.length);
    this.#older[slot] = this.#spans[slot] ?? null;
    this.#spans[slot] = { market, literal: new Literal(frame.subarray(start, end)) };
  }
}

/** By the id's bytes, up to its closing quote. */
function slotOf({ bytes, data }: Wide, at: number, end: number): number {
  let hash = 0;
  while (at + 4 <= end) {
    const four = data.getInt32(at, true);
    if (!arePlain(four)) break;
    hash = Math.imul(hash ^ four, 0x5bd1e995);
    hash ^= hash >>> 15;
    at += 4;
  }
  for (; at < end && PLAIN[bytes[at] ?? 0] === 1; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x5bd1e995);
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}
