/** What a cord says at a moment, in words: state, from and to, length and cause. */
import { ENDPOINTS } from '../../main/core/contract.ts';
import type { Millis } from '../../main/core/contract.ts';
import type { CordStretch, MarketCoverage } from './cord.ts';
import { formatDay, formatDuration, formatSeconds } from './format.ts';

const DAY = 86_400_000;
/** What is told reaches to within a second or two of now. */
const PRESENT_MS = 5_000;

/** The stretch of a line at a moment, or null where nothing is known. */
export function stretchAt(line: readonly CordStretch[], at: Millis): CordStretch | null {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((line[middle]?.to ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  const found = line[low];
  return found !== undefined && found.from <= at ? found : null;
}

/** UTC, with the day where it is not that of `beside`. */
function timeOf(at: Millis, beside: Millis): string {
  const isSameDay = Math.floor(at / DAY) === Math.floor(beside / DAY);
  return isSameDay ? formatSeconds(at) : `${formatDay(at)} ${formatSeconds(at)}`;
}

/**
 * `lost 08:47:10–09:09:32, 22 m 22 s: the server was frozen`; what reaches up to now is told since when.
 */
export function stretchWords({ cause, from, state, to }: CordStretch, now: Millis): string {
  const start = timeOf(from, now);
  const time = now - to < PRESENT_MS ? `since ${start}` : `${start}–${timeOf(to, from)}`;
  const why = cause === '' ? '' : `: ${cause}`;
  return `${state} ${time}, ${formatDuration(Math.max(1, to - from))}${why}`;
}

/** One line of words for each endpoint of which something is known then; where both are alike, one for both. */
export function reading(coverage: MarketCoverage, at: Millis, now: Millis): string[] {
  const said = ENDPOINTS.flatMap((endpoint) => {
    const found = stretchAt(coverage[endpoint], at);
    return found === null ? [] : [{ endpoint, words: stretchWords(found, now) }];
  });
  const [first, second] = said;
  if (first !== undefined && second !== undefined && first.words === second.words) {
    return [`trades and candles ${first.words}`];
  }
  return said.map(({ endpoint, words }) => `${endpoint} ${words}`);
}

/** The stretches that are worth a stop, neither live nor quiet, of both endpoints by their start. */
export function stops({ candles, trades }: MarketCoverage): CordStretch[] {
  return [...trades, ...candles]
    .filter(({ state }) => state !== 'live' && state !== 'quiet')
    .sort((a, b) => a.from - b.from || a.to - b.to);
}
