/** Where the axes have their marks and what is written there. Times in milliseconds, UTC. */
import type { Millis } from '../../main/core/contract.ts';
import { formatClock, formatDay, formatMonth, formatSeconds } from './format.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps below a day divide it, so that midnight is always a mark. */
const STEPS: readonly Millis[] = [
  SECOND,
  5 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];
/** Days of a month that are marked, from dense to sparse, by the days between them. */
const DAY_STEPS: readonly number[] = [1, 2, 5, 10, 15];
const MONTH_STEPS: readonly number[] = [1, 2, 3, 6, 12, 24, 60, 120];

/** Marks within [from, to] that lie at least `least` apart. */
export function timeTicks(from: Millis, to: Millis, least: Millis): Millis[] {
  if (!(to > from) || !(least > 0)) return [];
  const step = STEPS.find((ms) => ms >= least);
  const ticks: Millis[] = [];
  if (step !== undefined) {
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
    return ticks;
  }
  const days = DAY_STEPS.find((count) => count * DAY >= least);
  const months = days === undefined ? (MONTH_STEPS.find((count) => count * 28 * DAY >= least) ?? 240) : 1;
  const first = new Date(from);
  const year = first.getUTCFullYear();
  for (let month = Math.floor(first.getUTCMonth() / months) * months; ; month += months) {
    const start = Date.UTC(year, month, 1);
    if (start > to) return ticks;
    if (days === undefined) {
      if (start >= from) ticks.push(start);
      continue;
    }
    const next = Date.UTC(year, month + 1, 1);
    for (let at = start; at < next && at <= to; at += days * DAY) {
      // The last mark of a month would crowd the first of the next.
      if (at >= from && (at === start || next - at >= days * DAY)) ticks.push(at);
    }
  }
}

/** What is written at a mark: the largest unit that begins there. `fine`: marks are closer than a minute. */
export function timeLabel(at: Millis, fine = false): string {
  const date = new Date(at);
  if (at % DAY !== 0) return fine ? formatSeconds(at) : formatClock(at);
  if (date.getUTCDate() !== 1) return formatDay(at);
  if (date.getUTCMonth() === 0) return String(date.getUTCFullYear());
  return formatMonth(at).slice(0, 3);
}

/** Steps between the marks of a price axis whose market writes `digits` after the point. */
export function priceIncrements(digits: number): number[] {
  const out: number[] = [];
  for (let power = -Math.max(0, digits); power <= 15; power++) {
    for (const factor of [1, 2, 5]) out.push(Number(`${factor}e${power}`));
  }
  return out;
}

/**
 * The prices from `low` to `high` with a margin above and, for the volume, a larger one below. A
 * flat market gets a few of its smallest steps around it. Shares are of the whole height.
 */
export function priceRange(
  low: number,
  high: number,
  digits: number,
  above: number,
  below: number,
): [low: number, high: number] {
  if (!(low <= high)) return [0, 1];
  const least = Math.max(4 * 10 ** -Math.max(0, digits), Math.abs(high) * 1e-9);
  const missing = Math.max(0, least - (high - low)) / 2;
  const bottom = low - missing;
  const top = high + missing;
  const height = (top - bottom) / (1 - above - below);
  return [bottom - height * below, top + height * above];
}
