/** The core's states in the words of the screen. */
import type {
  Endpoint,
  Gap,
  KeyPlace,
  LinkPhase,
  LinkState,
  MarketInfo,
  Millis,
  Snapshot,
  WatchRow,
} from '../../main/core/contract.ts';
import type { AppError } from '../../main/core/result.ts';
import type { CordState } from '../chart/cord.ts';
import { formatCount, formatDuration } from '../chart/format.ts';

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
  'this session': 'in memory, until Quipu quits',
  demo: 'not needed for the demo feed',
  none: 'none yet',
};

/** `BTC / USDT`: the pair as it is written everywhere. */
export function pairOf(market: MarketInfo): string {
  return `${market.symbol.toUpperCase()} / ${market.base.toUpperCase()}`;
}

/** A gap of the trades endpoint as a line of the tape. A narrow tape leaves `lead` out. */
export function gapWords(gap: Gap): { readonly lead: string; readonly rest: string } {
  if (gap.state === 'recovered') {
    const removed = `${countOf(gap.duplicates, 'duplicate')} removed`;
    return { lead: 'reconnected: ', rest: `${formatCount(gap.recovered)} recovered, ${removed}` };
  }
  const length = formatDuration(gap.to - gap.from);
  if (gap.state === 'unverified') return { lead: 'reconnected: ', rest: `${length} unverified, no overlap` };
  return { lead: '', rest: `lost ${length}: ${gap.cause}` };
}

/** How long ago `since` was, in whole seconds at least. */
export function elapsedWords(since: Millis, now: Millis): string {
  return formatDuration(Math.floor(Math.max(0, now - since) / 1000) * 1000);
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

/** `1 trade`, `2 trades`. */
export function countOf(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** How a row's strand is drawn: what is known of the market now. */
export function strandOf(view: Pick<Snapshot, 'links'>, row: WatchRow): CordState {
  if (row.trades === 'off' || row.trades === 'refused') return 'off';
  const { phase } = view.links.trades;
  if (phase === 'live') return row.last === null || row.rate === 0 ? 'quiet' : 'live';
  return phase === 'stale' ? 'unverified' : phase === 'waiting' ? 'lost' : 'off';
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
