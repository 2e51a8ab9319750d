/** The line of a sparkline, in time: it breaks where nothing is known. */
import type { Millis, SparkPoint } from '../../main/core/contract.ts';
import type { CordSpan } from './cord.ts';

const MINUTE: Millis = 60_000;

export type Run = readonly (readonly [x: number, y: number])[];

export interface SparkBox {
  readonly from: Millis;
  readonly to: Millis;
  /** Pixels; y goes downwards. */
  readonly width: number;
  readonly height: number;
}

/**
 * Runs of a line through `points` (oldest first) that may be drawn without a break. No line crosses
 * what is lost or unverified, nor time that is off and has no point; a minute merely without trades
 * breaks nothing. A flat line lies in the middle; a point alone is as wide as its minute, and a pixel
 * at least.
 *
 * @param spans the market's cord
 */
export function sparkRuns(points: readonly SparkPoint[], spans: readonly CordSpan[], box: SparkBox): Run[] {
  const { from, height, to, width } = box;
  const shown = points.filter(
    ([start, close]) => start + MINUTE > from && start < to && Number.isFinite(close),
  );
  if (shown.length === 0 || !(to > from)) return [];
  const closes = shown.map(([, close]) => close);
  const low = Math.min(...closes);
  const high = Math.max(...closes);
  const xOf = (at: Millis): number => ((Math.min(Math.max(at, from), to) - from) / (to - from)) * width;
  const yOf = (close: number): number => (high > low ? (high - close) / (high - low) : 0.5) * height;
  const runs: [x: number, y: number][][] = [];
  let before: Millis | null = null;
  for (const [start, close] of shown) {
    const point: [number, number] = [xOf(start + MINUTE / 2), yOf(close)];
    if (before !== null && !isBroken(spans, before, start)) runs.at(-1)?.push(point);
    else runs.push([point]);
    before = start;
  }
  return runs.map((run) => (run.length === 1 ? dashOf(run, Math.max(1, xOf(from + MINUTE))) : run));
}

/** Between two minutes. */
function isBroken(spans: readonly CordSpan[], first: Millis, next: Millis): boolean {
  return spans.some(({ from, state, to }) => {
    if (state === 'lost' || state === 'unverified') {
      return from < next + MINUTE / 2 && to > first + MINUTE / 2;
    }
    return state === 'off' && from < next && to > first + MINUTE && next > first + MINUTE;
  });
}

function dashOf(run: Run, wide: number): Run {
  const [x = 0, y = 0] = run[0] ?? [];
  return [
    [x - wide / 2, y],
    [x + wide / 2, y],
  ];
}
