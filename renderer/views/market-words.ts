/** The dictionary and its markets in the words of the screen. */
import type { DictionaryState, MarketInfo, Millis } from '../../main/core/contract.ts';
import { formatClock, formatCount, formatDay, formatPrice, formatSize, NONE } from '../chart/format.ts';
import { countOf, elapsedWords } from './words.ts';

const DAY_MS = 86_400_000;
/** Digits of a volume that are worth reading, by its size. */
const VOLUME_DIGITS = { large: 0, medium: 2, small: 6 } as const;

export interface DictionaryWords {
  /** What is known, and how old it is. */
  readonly what: string;
  /** What went wrong and the one thing to do, or null. */
  readonly trouble: string | null;
}

/** What is known of which markets there are. */
export function dictionaryWords(state: DictionaryState, now: Millis): DictionaryWords {
  return { what: whatWords(state, now), trouble: state.loading ? null : troubleWords(state, now) };
}

function whatWords(state: DictionaryState, now: Millis): string {
  const { loading, known, from, read } = state;
  const have = countOf(known, 'market');
  if (loading) {
    const progress = `reading ${progressWords(state)}`;
    return from === 'none' ? capital(progress) : `${have}; ${progress}`;
  }
  if (from === 'none' || read === null) return 'No market is known yet';
  const age = `${elapsedWords(read, now)} ago`;
  return from === 'cache' ? `${have}, as of ${age}, from the cache` : `${have}, read ${age}`;
}

/** `page 3 of 11, 2,000 of 10,412 markets`: the page that is read, and what came before it. */
function progressWords({ pages, totalPages, markets, totalMarkets }: DictionaryState): string {
  if (totalPages === null || totalMarkets === null) {
    return `page ${pages + 1}${markets > 0 ? `, ${countOf(markets, 'market')} so far` : ''}`;
  }
  const page = Math.min(pages + 1, totalPages);
  return `page ${page} of ${formatCount(totalPages)}, ${formatCount(markets)} of ${countOf(totalMarkets, 'market')}`;
}

function troubleWords({ problem, retryAt, skipped, from }: DictionaryState, now: Millis): string | null {
  if (problem === null) {
    if (skipped === 0) return null;
    return `${countOf(skipped, 'market')} could not be read and ${skipped === 1 ? 'is' : 'are'} left out.`;
  }
  const lead = from === 'cache' ? 'Offline: ' : from === 'server' ? 'Not renewed: ' : '';
  const words = problem.serverWords === null ? '' : ` The server says “${problem.serverWords}”.`;
  // The clock of the screen goes by the second.
  const isSoon = retryAt === null || retryAt - now < 1_000;
  const next = isSoon ? '' : ` Next try in ${elapsedWords(now, retryAt)}.`;
  return `${lead}${problem.message}${words} ${problem.action}${next}`;
}

function capital(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** A price as it was given, digit for digit. */
export function priceWords(decimal: string | null | undefined): string {
  if (decimal === null || decimal === undefined) return NONE;
  return formatPrice(Number(decimal), digitsOf(decimal));
}

/** A volume with as many of the market's digits as can matter. */
export function volumeWords({ volume1h }: MarketInfo): string {
  if (volume1h === null) return NONE;
  const value = Number(volume1h);
  const most = value >= 1_000 ? VOLUME_DIGITS.large : value >= 1 ? VOLUME_DIGITS.medium : VOLUME_DIGITS.small;
  return formatSize(value, Math.min(most, digitsOf(volume1h)));
}

/** The time of this day (UTC), or the day. */
export function seenWords(time: Millis | null | undefined, now: Millis): string {
  if (time === null || time === undefined) return NONE;
  if (Math.floor(time / DAY_MS) === Math.floor(now / DAY_MS)) return formatClock(time);
  const year = new Date(time).getUTCFullYear();
  return year === new Date(now).getUTCFullYear() ? formatDay(time) : `${formatDay(time)} ${year}`;
}

function digitsOf(decimal: string): number {
  const point = decimal.indexOf('.');
  return point === -1 ? 0 : decimal.length - point - 1;
}
