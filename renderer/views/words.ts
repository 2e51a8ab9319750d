/** The core's states in the words of the screen. */
import type {
  CoverageRun,
  Endpoint,
  Gap,
  KeyPlace,
  KnownToday,
  LinkPhase,
  LinkState,
  MarketInfo,
  Millis,
  SessionSummary,
  Snapshot,
  WatchRow,
} from '../../main/core/contract.ts';
import type { AppError } from '../../main/core/result.ts';
import type { CordSpan, CordStretch, MarketCoverage } from '../chart/cord.ts';
import { formatClock, formatCount, formatDay, formatDuration } from '../chart/format.ts';
import { stretchWords } from '../chart/reading.ts';

/** Stretches that are named in a title. */
const MOST_NAMED = 4;

export const ENDPOINT_TITLE: Readonly<Record<Endpoint, string>> = {
  trades: 'Trades',
  candles: 'Candles',
};

const PHASE_WORD: Readonly<Record<LinkPhase, string>> = {
  idle: 'idle',
  connecting: 'connecting',
  handshaking: 'connecting',
  live: 'live',
  stale: 'silent',
  waiting: 'waiting',
  refused: 'refused',
  suspended: 'suspended',
  stopped: 'stopped',
};

/** The phase and, while a pause runs, what is left of it. */
export function phaseWords(link: LinkState, now: Millis): string {
  const word = PHASE_WORD[link.phase];
  if (link.phase !== 'waiting' || link.retryAt === null) return word;
  return `${word}, next try in ${formatDuration(Math.max(0, Math.ceil((link.retryAt - now) / 1000)) * 1000)}`;
}

export type DotKind = 'is-up' | 'is-wait' | 'is-bad' | 'is-off';

export function phaseDot(phase: LinkPhase): DotKind {
  if (phase === 'live') return 'is-up';
  if (phase === 'refused') return 'is-bad';
  return phase === 'idle' || phase === 'stopped' ? 'is-off' : 'is-wait';
}

export const KEY_PLACE: Readonly<Record<KeyPlace, string>> = {
  keychain: 'in the keychain of this system',
  environment: 'from the environment (QUIPU_API_KEY)',
  'this session': 'in memory for this session only, until Quipu quits',
  demo: 'not needed for the demo feed',
  none: 'none yet',
};

/** `BTC / USDT`: the pair as it is written everywhere. */
export function pairOf(market: MarketInfo): string {
  return `${market.symbol.toUpperCase()} / ${market.base.toUpperCase()}`;
}

/**
 * A gap of the trades endpoint as a line of the tape. A narrow tape leaves `lead` out.
 *
 * @param lost how much of the same outage is lost, ms: what redelivery did not reach back to
 */
export function gapWords(gap: Gap, lost: Millis): { readonly lead: string; readonly rest: string } {
  const length = formatDuration(gap.to - gap.from);
  if (gap.state === 'lost') return { lead: '', rest: `lost ${length}: ${gap.cause}` };
  const recovered = `${formatCount(gap.recovered)} recovered`;
  const still = lost > 0 ? `, ${formatDuration(lost)} lost` : '';
  if (gap.state === 'recovered') {
    const removed =
      lost > 0 && gap.duplicates === 0 ? '' : `, ${countOf(gap.duplicates, 'duplicate')} removed`;
    return { lead: 'reconnected: ', rest: recovered + removed + still };
  }
  const unsure =
    gap.recovered > 0 ? `${recovered}, ${length} unverified` : `${length} unverified, no overlap`;
  return { lead: 'reconnected: ', rest: unsure + still };
}

/** How much of the outage that `gap` ended is lost: the lost gap of the same cause that it follows. */
export function lostBefore(gap: Gap, gaps: readonly Gap[]): Millis {
  if (gap.state === 'lost') return 0;
  const before = gaps.find(
    (each) =>
      each.state === 'lost' &&
      each.session === gap.session &&
      each.cause === gap.cause &&
      each.to === gap.from,
  );
  return before === undefined ? 0 : before.to - before.from;
}

/** Both parts of what is known of today: `99.98 % known`, `14 s lost` or nothing. */
export function knownWords({ counted, known, lost }: KnownToday): { share: string; lost: string } {
  // Downwards, so that only the whole is told as the whole.
  const share = known === counted ? '100' : (Math.floor((known / counted) * 10_000) / 100).toFixed(2);
  return { share: `${share} %`, lost: lost > 0 ? formatDuration(Math.ceil(lost / 1000)) : '' };
}

/** Runs of a session's cord, in the time of the screen. */
export function spansOf(runs: readonly CoverageRun[]): CordSpan[] {
  return runs.map(({ from, state, to }) => ({ from: from / 1000, to: to / 1000, state }));
}

/** A cord whose runs are buckets, in words: what of it is not whole, and about when. */
export function cordWords(spans: readonly CordSpan[]): string {
  const [first] = spans;
  if (first === undefined) return '';
  const told = spans.filter(({ state }) => !['live', 'quiet'].includes(state));
  if (told.length === 0) return 'Live from start to end';
  const day = formatDay(first.from);
  const time = (at: Millis): string =>
    formatDay(at) === day ? formatClock(at) : `${formatDay(at)} ${formatClock(at)}`;
  const named = told
    .slice(0, MOST_NAMED)
    .map(({ from, state, to }) => `${state} about ${time(from)}–${time(to)}`);
  const more = told.length > named.length ? [`${told.length - named.length} more`] : [];
  return [...named, ...more].join('; ');
}

/** `Deleted session 12 “Launch day” of 3 Nov.` */
export function removedWords({ id, name, started }: SessionSummary): string {
  const called = name === null ? '' : ` “${name}”`;
  return `Deleted session ${id}${called} of ${formatDay(started)}.`;
}

/** What is known of the last hour of a market, for a row's title. */
export function hourWords(hour: MarketCoverage & { readonly to: Millis }): string {
  const parts = (['trades', 'candles'] as const).map((endpoint) => {
    const line = hour[endpoint];
    const now = line.at(-1)?.to ?? hour.to;
    const told = line.filter(({ state }) => state !== 'live');
    const named = told.slice(-MOST_NAMED).map((stretch: CordStretch) => stretchWords(stretch, now));
    const more = told.length > named.length ? [`${told.length - named.length} more before`] : [];
    const words =
      line.length === 0 ? 'not known' : told.length === 0 ? 'live' : [...more, ...named].join('; ');
    return { endpoint, words };
  });
  const [trades, candles] = parts;
  if (trades?.words === candles?.words) return `Last hour: trades and candles ${trades?.words ?? ''}`;
  return `Last hour: ${parts.map(({ endpoint, words }) => `${endpoint} ${words}`).join('\n')}`;
}

/** How long ago `since` was, in whole seconds at least. */
export function elapsedWords(since: Millis, now: Millis): string {
  return formatDuration(Math.floor(Math.max(0, now - since) / 1000) * 1000);
}

/** What fills a panel that a feed fills: what to do, or that another Quipu has to end first. */
export function fillWords(
  { source, recording }: Pick<Snapshot, 'source' | 'recording'>,
  toDo: string,
): string {
  return source === 'none' && recording.problem?.kind === 'in-use'
    ? 'Another Quipu records now. This one connects once that one has ended.'
    : toDo;
}

/** What happened and the one thing to do, as sentences. */
export function problemWords(problem: AppError): string {
  return [problem.message, problem.action ?? '']
    .filter((part) => part !== '')
    .map(sentence)
    .join(' ');
}

/** Some messages end with another program's words, which lack a full stop. */
function sentence(words: string): string {
  return /[.!?…”]$/.test(words) ? words : `${words}.`;
}

/** What retention took away of a session's trades or candles; undefined: nothing. */
export function deletedWords(
  { deleted, ...session }: SessionSummary,
  of: 'trades' | 'candles',
): string | undefined {
  const until = deleted?.[`${of}Until`] ?? null;
  if (deleted === undefined || until === null) return undefined;
  return `${formatCount(deleted[of])} of ${formatCount(session[of])}, until ${formatDay(until)} ${formatClock(until)} UTC, were deleted by retention`;
}

/** `1 trade`, `2 trades`. */
export function countOf(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** What is wrong with a row's subscriptions, to stand beside its venue and in full; null: nothing. */
export function subscriptionWords(
  row: Pick<WatchRow, 'trades' | 'candles' | 'refusal'>,
): { readonly state: 'refused' | 'unconfirmed'; readonly text: string; readonly title: string } | null {
  const whichAre = (state: WatchRow['trades']): string => {
    const both = row.trades === state && row.candles === state;
    return both ? 'Trades and candles' : row.trades === state ? 'Trades' : 'Candles';
  };
  if (row.trades === 'refused' || row.candles === 'refused') {
    const title = `${whichAre('refused')} refused: `;
    if (row.refusal === null)
      return { state: 'refused', text: '', title: `${title}the server gave no reason.` };
    return { state: 'refused', text: `“${row.refusal}”`, title: `${title}“${row.refusal}”` };
  }
  if (row.trades === 'unconfirmed' || row.candles === 'unconfirmed') {
    const title = `${whichAre('unconfirmed')}: the server did not answer in time. The market may be quiet.`;
    return { state: 'unconfirmed', text: 'unconfirmed', title };
  }
  return null;
}

/**
 * The link whose refusal stands in the way of everything, or null: the server does not take the
 * key, or both endpoints are refused.
 */
export function blockingLink(view: Pick<Snapshot, 'links' | 'source'>): LinkState | null {
  if (view.source === 'none') return null;
  const { trades, candles } = view.links;
  const refused = [trades, candles].filter((link) => link.phase === 'refused');
  const unauthorized = refused.find((link) => link.problem?.kind === 'unauthorized');
  if (unauthorized !== undefined) return unauthorized;
  return refused.length === 2 ? trades : null;
}
