/** What the view of the feed shows, out of what the core tells. Pure. */
import type {
  Endpoint,
  HealthMinute,
  JournalEntry,
  Millis,
  Subscription,
  WatchRow,
} from '../../main/core/contract.ts';

const MINUTE_MS = 60_000;

/** Entries of the journal that a window keeps; what is older stays in the record. */
export const MOST_ENTRIES = 2_000;

/** `known` and `more` as one list, newest first, each entry once. */
export function mergeEntries(
  known: readonly JournalEntry[],
  more: readonly JournalEntry[],
): readonly JournalEntry[] {
  const byRow = new Map([...known, ...more].map((entry) => [entry.row, entry]));
  return [...byRow.values()].sort((a, b) => b.row - a.row).slice(0, MOST_ENTRIES);
}

/** Worst first: what a user must see before all else. */
const STATES: readonly Subscription[] = ['refused', 'unconfirmed', 'requested', 'off', 'confirmed'];

function rankOf({ trades, candles }: WatchRow): number {
  return Math.min(STATES.indexOf(trades), STATES.indexOf(candles));
}

/** The watchlist with what is refused first, then what is not confirmed; else in its own order. */
export function byTrouble(rows: readonly WatchRow[]): readonly WatchRow[] {
  return [...rows].sort((a, b) => rankOf(a) - rankOf(b));
}

/** How many markets are in each state at one endpoint, worst first; states of none are left out. */
export function countStates(
  rows: readonly WatchRow[],
  endpoint: Endpoint,
): readonly { readonly state: Subscription; readonly count: number }[] {
  return STATES.map((state) => ({
    state,
    count: rows.filter((row) => row[endpoint] === state).length,
  })).filter(({ count }) => count > 0);
}

/** A stretch of whole minutes, [from, to). */
export interface MinuteSpan {
  readonly from: Millis;
  readonly to: Millis;
}

/** A young record is drawn wider, so that it can be seen. */
const SPANS = [30, 60, 180] as const;
/** Minutes that are drawn at most. */
export const MOST_MINUTES = 180;

/** The shortest of the spans that end with the last whole minute and hold all of `minutes`; else the longest. */
export function spanOf(minutes: readonly HealthMinute[], now: Millis): MinuteSpan {
  const to = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const longest = to - MOST_MINUTES * MINUTE_MS;
  const oldest = minutes.find(({ at }) => at >= longest)?.at ?? to;
  const length = SPANS.find((span) => oldest >= to - span * MINUTE_MS) ?? MOST_MINUTES;
  return { from: to - length * MINUTE_MS, to };
}

/** `30 min`, `3 h` */
export function spanWords({ from, to }: MinuteSpan): string {
  const minutes = (to - from) / MINUTE_MS;
  return minutes < 60 ? `${minutes} min` : `${minutes / 60} h`;
}

export interface HealthLine {
  /** An SVG path; minutes that were not recorded leave a hole. Empty when there is nothing to draw. */
  readonly path: string;
  /** What the upper edge stands for; the lower stands for `low`. */
  readonly high: number;
  readonly low: number;
}

export type HealthValue = (minute: HealthMinute) => number | null;

/** The minutes of a span as a line in a box of `width` x `height` pixels, y downwards, from zero up. */
export function healthLine(
  minutes: readonly HealthMinute[],
  value: HealthValue,
  { from, to }: MinuteSpan,
  width: number,
  height: number,
): HealthLine {
  const points = minutes.flatMap((minute) => {
    const found = minute.at < from || minute.at >= to ? null : value(minute);
    return found === null ? [] : [{ at: minute.at, value: found }];
  });
  let high = 0;
  let low = 0;
  for (const point of points) {
    if (point.value > high) high = point.value;
    if (point.value < low) low = point.value;
  }
  const scale = high > low ? height / (high - low) : 0;
  const step = (width * MINUTE_MS) / Math.max(MINUTE_MS, to - from);
  let path = '';
  let last = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    const x = ((point.at - from) / MINUTE_MS) * step;
    const y = (scale === 0 ? height : (high - point.value) * scale).toFixed(1);
    // A minute is as wide as it is long, so that one alone is seen.
    path += `${point.at - last === MINUTE_MS ? 'L' : 'M'}${x.toFixed(1)} ${y}H${(x + step).toFixed(1)}`;
    last = point.at;
  }
  return { path, high, low };
}

/** The minute that lies under `x` pixels of `width`, if it was recorded. */
export function minuteAt(
  minutes: readonly HealthMinute[],
  { from, to }: MinuteSpan,
  x: number,
  width: number,
): HealthMinute | null {
  const at = from + Math.floor(((x / width) * (to - from)) / MINUTE_MS) * MINUTE_MS;
  return minutes.findLast((minute) => minute.at === at) ?? null;
}
