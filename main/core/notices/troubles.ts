/**
 * Which of the core's events are trouble that needs a hand: a pure function from events to what is
 * announced (`announcements.ts`). What mends itself within a while is none.
 */
import {
  type AnnouncementTarget,
  type CoreEvent,
  type Endpoint,
  ENDPOINTS,
  type Gap,
  type LinkPhase,
  type LinkState,
  type MarketInfo,
  type Millis,
  type RecordingState,
  type SourceKind,
  type WatchRow,
} from '../contract.ts';
import type { Input, Moment, Occasion } from './announcements.ts';

/** An endpoint that has not been live for so long will hardly come back without a hand. */
export const STALE_LONG_MS = 300_000;
/** A pause that is this long may have been forgotten. */
export const PAUSED_LONG_MS = 3_600_000;
const MINUTE_MS = 60_000;
const ENDPOINT_WORD: Readonly<Record<Endpoint, string>> = { trades: 'trades', candles: 'candles' };
const KEY_PROBLEMS: readonly string[] = ['unauthorized', 'forbidden', 'no-key'];
/** It tries, but nothing comes. */
const TRYING: readonly LinkPhase[] = ['connecting', 'handshaking', 'stale', 'waiting'];

export interface Watched {
  readonly source: SourceKind;
  readonly links: Readonly<Partial<Record<Endpoint, LinkState>>>;
  /** Since when an endpoint tries in vain, on the monotonic clock; null while it does not. */
  readonly trying: Readonly<Record<Endpoint, number | null>>;
  /** The same for the recording that the user paused. */
  readonly paused: number | null;
  /** Keys of what was raised and not cleared. */
  readonly raised: ReadonlySet<string>;
}

export const UNWATCHED: Watched = {
  source: 'none',
  links: {},
  trying: { trades: null, candles: null },
  paused: null,
  raised: new Set(),
};

export interface Judged {
  readonly watched: Watched;
  readonly inputs: readonly Input[];
}

/** What an event changes. @param event null: time went by */
export function judged(before: Watched, event: CoreEvent | null, now: Moment): Judged {
  const inputs: Input[] = [];
  let watched = before;
  if (event === null) {
    watched = elapsed(watched, now, inputs);
    return { watched, inputs };
  }
  switch (event.type) {
    case 'snapshot': {
      const { source, links, recording, watchlist, notice } = event.snapshot;
      if (source !== watched.source) watched = sourceChanged(watched, source, inputs);
      for (const endpoint of ENDPOINTS) watched = linked(watched, links[endpoint], now, inputs);
      watched = recorded(watched, recording, now, inputs);
      watched = listed(watched, watchlist, now, inputs);
      watched = noticed(watched, notice, inputs, now);
      break;
    }
    case 'source':
      if (event.source !== watched.source) watched = sourceChanged(watched, event.source, inputs);
      break;
    case 'link':
      watched = linked(watched, event.link, now, inputs);
      break;
    case 'recording':
      watched = recorded(watched, event.recording, now, inputs);
      break;
    case 'watchlist':
      watched = listed(watched, event.rows, now, inputs);
      break;
    case 'notice':
      watched = noticed(watched, event.notice, inputs, now);
      break;
    case 'gap':
      if (event.gap.state === 'lost') inputs.push({ type: 'happened', occasion: lostGap(event.gap) });
      break;
    default:
  }
  return { watched, inputs };
}

/** Trouble of the feed before is over with it. */
function sourceChanged(before: Watched, source: SourceKind, inputs: Input[]): Watched {
  let watched: Watched = { ...before, source, trying: UNWATCHED.trying, links: {} };
  for (const key of before.raised) if (key !== 'notice') watched = clear(watched, key, inputs);
  return watched;
}

function linked(before: Watched, link: LinkState, now: Moment, inputs: Input[]): Watched {
  const { endpoint, phase, problem } = link;
  const isTrying = TRYING.includes(phase);
  const links = { ...before.links, [endpoint]: link };
  const trying = { ...before.trying, [endpoint]: isTrying ? (before.trying[endpoint] ?? now.mono) : null };
  let watched: Watched = { ...before, links, trying };
  const isKey = isKeyRefused(link);
  // Of both endpoints it is one key.
  const isKeyElsewhere = ENDPOINTS.some((each) => each !== endpoint && isKeyRefused(links[each]));
  if (isKey && problem !== null) {
    const said = problem.serverWords === null ? '' : ` The server says: “${problem.serverWords}”.`;
    watched = raise(watched, inputs, {
      kind: 'key-refused',
      group: '',
      key: 'key',
      title: 'The API key is refused',
      body: `${problem.message}${said} ${problem.action} Until then nothing is received.`,
      many: () => 'The API key is refused',
      target: show('live', null, null),
    });
  } else if (!isKeyElsewhere) watched = clear(watched, 'key', inputs);
  const refusedKey = `refused ${endpoint}`;
  if (phase === 'refused' && problem !== null && !isKey) {
    const said = problem.serverWords === null ? '' : ` The server says: “${problem.serverWords}”.`;
    watched = raise(watched, inputs, {
      kind: 'feed-refused',
      group: '',
      key: refusedKey,
      title: `The feed of ${ENDPOINT_WORD[endpoint]} is refused`,
      body: `${problem.message}${said} ${problem.action}`,
      many: () => 'The feed is refused',
      target: show('feed', null, null),
    });
  } else watched = clear(watched, refusedKey, inputs);
  return isTrying ? watched : clear(watched, `stale ${endpoint}`, inputs);
}

function isKeyRefused(link: LinkState | undefined): boolean {
  return link?.phase === 'refused' && KEY_PROBLEMS.includes(link.problem?.kind ?? '');
}

function recorded(before: Watched, recording: RecordingState, now: Moment, inputs: Input[]): Watched {
  const isPaused = recording.state === 'stopped' && recording.pausedSince !== undefined;
  let watched: Watched = { ...before, paused: isPaused ? (before.paused ?? now.mono) : null };
  if (!isPaused) watched = clear(watched, 'paused', inputs);
  if (recording.state !== 'failed') return clear(watched, 'recording', inputs);
  const { message = 'The record cannot be written.', action = '' } = recording.problem ?? {};
  return raise(watched, inputs, {
    kind: 'not-recording',
    group: '',
    key: 'recording',
    title: 'Quipu is not recording',
    body: `${message} ${action}`,
    many: () => 'Quipu is not recording',
    target: show('live', null, now.wall),
  });
}

function listed(before: Watched, rows: readonly WatchRow[], now: Moment, inputs: Input[]): Watched {
  let watched = before;
  const refused = new Set<string>();
  for (const { market, trades, candles, refusal } of rows) {
    if (trades !== 'refused' && candles !== 'refused') continue;
    const key = `market ${market.id}`;
    refused.add(key);
    if (watched.raised.has(key)) continue;
    const pair = marketWords(market);
    watched = raise(watched, inputs, {
      kind: 'subscription-refused',
      group: '',
      key,
      title: `${pair} is refused`,
      body: `The server does not send this market${refusal === null ? '.' : `: “${refusal}”.`} Ask again in the Feed view, or take it off the watchlist.`,
      many: (count) => `${count} markets are refused; the first is ${pair}`,
      target: show('live', market.id, now.wall),
    });
  }
  for (const key of before.raised) {
    if (key.startsWith('market ') && !refused.has(key)) watched = clear(watched, key, inputs);
  }
  return watched;
}

function noticed(
  before: Watched,
  notice: { readonly message: string; readonly action?: string } | null,
  inputs: Input[],
  now: Moment,
): Watched {
  if (notice === null) return clear(before, 'notice', inputs);
  return raise(before, inputs, {
    kind: 'database-replaced',
    group: '',
    key: 'notice',
    title: 'The record was replaced',
    body: `${notice.message} ${notice.action ?? ''}`,
    many: () => 'The record was replaced',
    target: show('sessions', null, now.wall),
  });
}

function elapsed(before: Watched, now: Moment, inputs: Input[]): Watched {
  let watched = before;
  for (const endpoint of ENDPOINTS) {
    const since = watched.trying[endpoint];
    const key = `stale ${endpoint}`;
    if (since === null || now.mono - since < STALE_LONG_MS || watched.raised.has(key)) continue;
    const problem = watched.links[endpoint]?.problem ?? null;
    const why = problem === null ? 'No connection stands.' : `${problem.message} ${problem.action}`;
    watched = raise(watched, inputs, {
      kind: 'feed-stale',
      group: '',
      key,
      title: `No ${ENDPOINT_WORD[endpoint]} for ${STALE_LONG_MS / MINUTE_MS} minutes`,
      body: `${why} What is missed for longer than two minutes is not sent again.`,
      many: () => `No trades and candles for ${STALE_LONG_MS / MINUTE_MS} minutes`,
      target: show('feed', null, now.wall - STALE_LONG_MS),
    });
  }
  if (watched.paused !== null && now.mono - watched.paused >= PAUSED_LONG_MS && !watched.raised.has('paused'))
    watched = raise(watched, inputs, {
      kind: 'paused-long',
      group: '',
      key: 'paused',
      title: 'Recording is still paused',
      body: 'You paused it an hour ago, and nothing has been recorded since. Resume it in the window or the tray.',
      many: () => 'Recording is still paused',
      target: show('live', null, null),
    });
  return watched;
}

function lostGap({ endpoint, from, to, cause, session }: Gap): Occasion {
  const length = lengthWords(to - from);
  return {
    kind: 'gap-lost',
    group: '',
    key: `gap ${session} ${endpoint} ${from} ${to}`,
    title: `${length} of ${ENDPOINT_WORD[endpoint]} are lost`,
    body: `${cause} The record has a hole there, which charts and exports show.`,
    many: (count) => `${count} gaps are lost; the first is ${length} of ${ENDPOINT_WORD[endpoint]}`,
    target: show('live', null, from),
  };
}

/** One that the dictionary does not know has an id alone. */
function marketWords({ id, symbol, base, venue }: MarketInfo): string {
  return base === '' ? id : `${symbol.toUpperCase()} / ${base.toUpperCase()} on ${venue}`;
}

function lengthWords(length: Millis): string {
  const minutes = Math.round(length / MINUTE_MS);
  if (minutes < 2) return `${Math.max(1, Math.round(length / 1000))} s`;
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function show(
  view: AnnouncementTarget['view'],
  market: string | null,
  at: Millis | null,
): AnnouncementTarget {
  return { view, market, at };
}

function raise(watched: Watched, inputs: Input[], occasion: Occasion): Watched {
  inputs.push({ type: 'raise', occasion });
  if (watched.raised.has(occasion.key)) return watched;
  return { ...watched, raised: new Set(watched.raised).add(occasion.key) };
}

function clear(watched: Watched, key: string, inputs: Input[]): Watched {
  if (!watched.raised.has(key)) return watched;
  inputs.push({ type: 'clear', key });
  const raised = new Set(watched.raised);
  raised.delete(key);
  return { ...watched, raised };
}
