/** What is told of the links, in the words of the screen. */
import type {
  JournalEntry,
  LinkPhase,
  Millis,
  OutageReport,
  Subscription,
} from '../../main/core/contract.ts';
import { formatCount, formatDuration, MINUS, NONE } from '../chart/format.ts';
import { countOf } from './words.ts';

/** Of a journal, where `connecting` and `handshaking` are two steps. */
export function phaseName(phase: LinkPhase): string {
  return phase === 'stale' ? 'silent' : phase;
}

/** What an outage left, in one line. */
export function outageWords(report: OutageReport): string {
  const { state, recovered, duplicates, overlap } = report;
  const length = formatDuration(report.to - report.from);
  if (state === 'lost') return `${length} lost`;
  if (state === 'unverified') return `reconnected: ${length} unverified, no overlap found`;
  const came = `${formatCount(recovered)} recovered, ${countOf(duplicates, 'duplicate')} removed`;
  return overlap
    ? `reconnected: ${came}, overlap found, nothing lost`
    : `reconnected: ${came}, as far back as the server sends again`;
}

/** How much an entry of the journal should stand out. */
export function toneOf(entry: JournalEntry): 'good' | 'plain' | 'warn' | 'bad' {
  if (entry.type === 'outage') {
    return entry.state === 'lost' ? 'bad' : entry.state === 'unverified' ? 'warn' : 'good';
  }
  if (entry.to === 'refused') return 'bad';
  if (entry.to === 'live') return 'good';
  return entry.to === 'waiting' || entry.to === 'stale' ? 'warn' : 'plain';
}

/** A lag on the screen: whole milliseconds; behind a clock that is late it can be below zero. */
export function formatLag(ms: Millis | null): string {
  if (ms === null) return NONE;
  const whole = Math.round(ms);
  if (whole === 0) return '<1 ms';
  return whole < 0 ? MINUS + formatDuration(-whole) : formatDuration(whole);
}

/** The `Date` header has whole seconds. */
const CLOCK_ERROR_MS = 500;
/** From here on a user should set the clock. */
const CLOCK_WRONG_MS = 2_000;

/** The difference of the two clocks, and what it means. @param offset this computer's less the server's, ms */
export function clockWords(offset: Millis | null): { readonly value: string; readonly meaning: string } {
  if (offset === null) {
    return { value: NONE, meaning: 'The server has not told its time.' };
  }
  const size = Math.abs(offset);
  const text =
    size < 60_000 ? `${(Math.round(size / 100) / 10).toFixed(1)} s` : formatDuration(Math.round(size));
  const sign = size < 50 ? '' : offset < 0 ? MINUS : '+';
  const value = `${sign}${text} ± 0.5 s`;
  if (size <= CLOCK_ERROR_MS) {
    return { value, meaning: 'This computer’s clock and the server’s agree, as far as can be told.' };
  }
  const where =
    offset > 0
      ? `ahead of the server’s: lag looks ${text} too long`
      : `behind the server’s: lag looks ${text} too short`;
  const action = size >= CLOCK_WRONG_MS ? ' Set this computer’s clock.' : '';
  return { value, meaning: `This computer’s clock is ${where}.${action}` };
}

const REASONS: Readonly<Record<string, readonly [title: string, meaning: string]>> = {
  json: ['not JSON', 'The frame, or a line of it, could not be read as JSON.'],
  utf8: ['not UTF-8', 'The bytes are no text.'],
  depth: ['nested too deep', 'Objects and lists within each other, more than 64 deep.'],
  size: [
    'size',
    'A trade’s size or a candle’s volume that is no number in range, or a frame with too much in it.',
  ],
  price: ['price', 'A price that is no number, is negative or is out of range.'],
  time: ['time', 'A time that is missing, cannot be read or is out of range.'],
  market: ['market', 'It names no market that can be told.'],
  id: ['id', 'A trade’s id that is neither text nor a whole number, or is too long.'],
  count: ['count', 'A candle’s number of trades that is no whole number in range.'],
  shape: ['shape', 'JSON, but neither a trade, nor a candle, nor an answer.'],
  granularity: ['granularity', 'A candle of a length other than 1m or 1h.'],
};

/** Why something was refused: in a word or two, and in a sentence. */
export function reasonWords(reason: string): { readonly title: string; readonly meaning: string } {
  const [title, meaning] = REASONS[reason] ?? [reason, 'It could not be understood.'];
  return { title, meaning };
}

export const SUBSCRIPTION_TONE: Readonly<Record<Subscription, 'text' | 'dim' | 'warn' | 'bad'>> = {
  confirmed: 'text',
  requested: 'dim',
  off: 'dim',
  unconfirmed: 'warn',
  refused: 'bad',
};

export const SUBSCRIPTION_MEANING: Readonly<Record<Subscription, string>> = {
  confirmed: 'The server said yes, or data came.',
  requested: 'Asked for; the server has not answered yet.',
  unconfirmed: 'The server did not answer in time. The market may be quiet.',
  refused: 'The server said no.',
  off: 'Not asked for now.',
};
