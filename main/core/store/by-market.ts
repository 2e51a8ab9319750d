/** Sorts gathered trades by market, as sealing needs them. */
import { type IdColumn, newIds, scatterIds, sliceIds } from './ids.ts';
import { type DecimalColumn, newDecimals, type TradeRun } from './run.ts';

/** What of a market is noted of few trades, by their place in its run. */
interface Noted {
  readonly price: Map<number, bigint>;
  readonly size: Map<number, bigint>;
  readonly text: Map<number, Uint8Array>;
}

/** The trades of several runs: of each market one run, in the order of the runs and of the trades in them. */
export function byMarket(runs: readonly TradeRun[]): TradeRun[] {
  const known = new Map<number, number>();
  for (const { markets } of runs)
    for (const each of markets) if (!known.has(each)) known.set(each, known.size);
  const placesOf = runs.map(({ markets }) => Uint32Array.from(markets, (each) => known.get(each) ?? 0));
  const starts = startsOf(runs, placesOf, known.size);
  const total = starts[known.size] ?? 0;
  const row = new Float64Array(total);
  const exchangeTime = new Float64Array(total);
  const receiptTime = new Float64Array(total);
  const price = newDecimals(total);
  const size = newDecimals(total);
  const side = new Uint8Array(total);
  const origin = new Uint8Array(total);
  const hasNumbers = runs.some(({ ids }) => ids.high.length > 0);
  const ids = newIds(total, hasNumbers);
  const noted = Array.from({ length: known.size }, (): Noted => newNoted());
  const next = starts.slice();
  const to = new Uint32Array(runs.reduce((most, { count }) => Math.max(most, count), 0));
  // Run by run and column by column, each read from its beginning to its end: that is what caches like.
  for (const [of, run] of runs.entries()) {
    const { count, market } = run;
    const places = placesOf[of] ?? next;
    findPlaces(market, count, places, next, to);
    scatterDoubles(run.row, to, count, row);
    scatterDoubles(run.exchangeTime, to, count, exchangeTime);
    scatterDoubles(run.receiptTime, to, count, receiptTime);
    scatterDecimals(run.price, to, count, price);
    scatterDecimals(run.size, to, count, size);
    scatterBytes(run.side, to, count, side);
    scatterBytes(run.origin, to, count, origin);
    scatterIds(run.ids, to, count, ids);
    const note = <V>(values: ReadonlyMap<number, V>, into: (of: Noted) => Map<number, V>): void => {
      for (const [index, value] of values) {
        const place = places[market[index] ?? 0] ?? 0;
        const of = noted[place];
        if (index < count && of !== undefined) into(of).set((to[index] ?? 0) - (starts[place] ?? 0), value);
      }
    };
    note(run.price.beyond, (of) => of.price);
    note(run.size.beyond, (of) => of.size);
    note(run.ids.text, (of) => of.text);
  }
  const one = new Uint32Array(longestOf(starts));
  const sorted: TradeRun[] = [];
  for (const [each, place] of known) {
    const [start, end] = [starts[place] ?? 0, starts[place + 1] ?? 0];
    const { price: prices, size: sizes, text } = noted[place] ?? newNoted();
    if (end === start) continue;
    sorted.push({
      count: end - start,
      row: row.subarray(start, end),
      markets: [each],
      market: one.subarray(0, end - start),
      exchangeTime: exchangeTime.subarray(start, end),
      receiptTime: receiptTime.subarray(start, end),
      price: decimalsOf(price, start, end, prices),
      size: decimalsOf(size, start, end, sizes),
      side: side.subarray(start, end),
      origin: origin.subarray(start, end),
      ids: idsOf(ids, start, end, text),
    });
  }
  return sorted;
}

function newNoted(): Noted {
  return { price: new Map(), size: new Map(), text: new Map() };
}

/** Where each market's trades begin, and behind the last one how many there are. */
function startsOf(runs: readonly TradeRun[], placesOf: readonly Uint32Array[], markets: number): Uint32Array {
  const starts = new Uint32Array(markets + 1);
  for (const [of, { count, market }] of runs.entries())
    addCounts(market, count, placesOf[of] ?? starts, starts);
  for (let place = 1; place <= markets; place++)
    starts[place] = (starts[place] ?? 0) + (starts[place - 1] ?? 0);
  return starts;
}

// Loops of their own, which are compiled by themselves: one that holds them all takes longer than its work.
function addCounts(market: Uint32Array, count: number, places: Uint32Array, counts: Uint32Array): void {
  for (let index = 0; index < count; index++) {
    const behind = (places[market[index] ?? 0] ?? 0) + 1;
    counts[behind] = (counts[behind] ?? 0) + 1;
  }
}

/** @param next where the next trade of each place goes */
function findPlaces(
  market: Uint32Array,
  count: number,
  places: Uint32Array,
  next: Uint32Array,
  to: Uint32Array,
): void {
  for (let index = 0; index < count; index++) {
    const place = places[market[index] ?? 0] ?? 0;
    const at = next[place] ?? 0;
    to[index] = at;
    next[place] = at + 1;
  }
}

function longestOf(starts: Uint32Array): number {
  let longest = 0;
  for (let place = 1; place < starts.length; place++) {
    longest = Math.max(longest, (starts[place] ?? 0) - (starts[place - 1] ?? 0));
  }
  return longest;
}

// For each kind of column its own: that is faster.
function scatterDoubles(from: Float64Array, places: Uint32Array, count: number, to: Float64Array): void {
  for (let index = 0; index < count; index++) to[places[index] ?? 0] = from[index] ?? 0;
}

function scatterBytes(from: Uint8Array, places: Uint32Array, count: number, to: Uint8Array): void {
  for (let index = 0; index < count; index++) to[places[index] ?? 0] = from[index] ?? 0;
}

function scatterDecimals(from: DecimalColumn, places: Uint32Array, count: number, to: DecimalColumn): void {
  scatterDoubles(from.digits, places, count, to.digits);
  scatterBytes(from.scale, places, count, to.scale);
}

function decimalsOf(
  { digits, scale }: DecimalColumn,
  start: number,
  end: number,
  beyond: Map<number, bigint>,
): DecimalColumn {
  return { digits: digits.subarray(start, end), scale: scale.subarray(start, end), beyond };
}

function idsOf(ids: IdColumn, start: number, end: number, text: Map<number, Uint8Array>): IdColumn {
  return { ...sliceIds(ids, start, end), text };
}
