/**
 * One check of the arguments for each command of the contract; a command without one does not
 * compile. Validation is part of dispatch, so no handler can forget it.
 */
import {
  type ChartKey,
  type CommandArgs,
  type CommandName,
  type Endpoint,
  ENDPOINTS,
  type Granularity,
  GRANULARITIES,
  MARKET_SORTS,
  type MarketSort,
  MAX_BROWSE,
  MAX_RETENTION_DAYS,
  MAX_WATCHED,
  MIN_STORE_BYTES,
  type RetentionPolicy,
  type MuteFor,
  MUTES,
  type Settings,
  type SourceKind,
  type Theme,
} from './contract.ts';
import { MAX_CHARTS, MAX_TAPES } from './flow/hub.ts';
import { MAX_DOCUMENT } from './protocol/dialect-document.ts';
import { QuipuError } from './result.ts';
import { sessionName, sessionNote } from './session-words.ts';
import { updateFeedFault } from './update-feed.ts';

export const MAX_MARKETS = MAX_WATCHED;
export const MAX_PAGE = 5_000;
/** Sessions, and markets of a session, whose cords are asked for at once; and the buckets of a cord. */
const MAX_CORDS = 20;
const MAX_LINES = 50;
const MAX_BUCKETS = 500;
const MAX_ID = 200;
const MAX_KEY = 4_096;
const MAX_FEED = 2_000;
/** Bytes of a pasted frame. */
const MAX_FRAME = 256 * 1024;
const SOURCES: readonly SourceKind[] = ['none', 'live', 'demo'];
const THEMES: readonly Theme[] = ['system', 'dark', 'light'];

type Fields = Readonly<Record<string, unknown>>;

export const guards: { readonly [N in CommandName]: (args: unknown) => CommandArgs<N> } = {
  'key.set': (args) => ({ key: apiKey(fields(args, ['key'])['key']) }),
  'key.test': (args) => {
    const { key } = fields(args, ['key']);
    return { key: key === null ? null : apiKey(key) };
  },
  'key.retry': none,
  'key.forget': none,
  'source.set': (args) => ({ source: oneOf('source', SOURCES, fields(args, ['source'])['source']) }),
  'link.retry': (args) => {
    const { endpoint } = fields(args, ['endpoint']);
    return { endpoint: endpoint === null ? null : oneOf<Endpoint>('endpoint', ENDPOINTS, endpoint) };
  },
  'recording.set': (args) => {
    const { on } = fields(args, ['on']);
    if (typeof on !== 'boolean') throw bad('on must be true or false.');
    return { on };
  },
  'watch.retry': (args) => {
    const { markets } = fields(args, ['markets']);
    return { markets: markets === null ? null : list('markets', markets, MAX_MARKETS, marketId) };
  },
  'watch.set': (args) => {
    const markets = list('markets', fields(args, ['markets'])['markets'], MAX_MARKETS, marketId);
    if (new Set(markets).size !== markets.length) throw bad('markets has the same market twice.');
    return { markets };
  },
  'markets.search': (args) => {
    const { text, limit } = fields(args, ['text', 'limit']);
    return { text: words('text', text), limit: whole('limit', limit, 1, 1_000) };
  },
  'markets.browse': (args) => {
    const given = fields(args, [
      'text',
      'venue',
      'assetType',
      'active',
      'sort',
      'descending',
      'offset',
      'limit',
    ]);
    const { active, descending } = given;
    if (active !== null && typeof active !== 'boolean') throw bad('active must be true, false or null.');
    if (typeof descending !== 'boolean') throw bad('descending must be true or false.');
    return {
      text: words('text', given['text']),
      venue: given['venue'] === null ? null : words('venue', given['venue']),
      assetType: given['assetType'] === null ? null : words('assetType', given['assetType']),
      active,
      sort: oneOf<MarketSort>('sort', MARKET_SORTS, given['sort']),
      descending,
      offset: whole('offset', given['offset'], 0, Number.MAX_SAFE_INTEGER),
      limit: whole('limit', given['limit'], 1, MAX_BROWSE),
    };
  },
  'markets.reload': none,
  'follow.set': (args) => {
    const { charts, tapes } = fields(args, ['charts', 'tapes']);
    return {
      charts: list('charts', charts, MAX_CHARTS, chartKey),
      tapes: list('tapes', tapes, MAX_TAPES, marketId),
    };
  },
  'candles.page': (args) => {
    const { chart, before, limit } = fields(args, ['chart', 'before', 'limit']);
    return { chart: chartKey(chart), before: timeOrNull(before), limit: whole('limit', limit, 1, MAX_PAGE) };
  },
  'trades.page': (args) => {
    const { market, before, limit } = fields(args, ['market', 'before', 'limit']);
    return {
      market: marketId(market),
      before: timeOrNull(before),
      limit: whole('limit', limit, 1, MAX_PAGE),
    };
  },
  'buckets.page': (args) => {
    const { session, market, from, to, limit } = fields(args, ['session', 'market', 'from', 'to', 'limit']);
    const start = whole('from', from, 0, Number.MAX_SAFE_INTEGER - 1);
    return {
      session: sessionOrNull(session),
      market: marketId(market),
      from: start,
      to: whole('to', to, start + 1, Number.MAX_SAFE_INTEGER),
      limit: whole('limit', limit, 1, MAX_PAGE),
    };
  },
  'sessions.list': none,
  'sessions.edit': (args) => {
    const given = fields(args, ['session'], ['name', 'note', 'pinned']);
    const { pinned } = given;
    if (Object.keys(given).length === 1) throw bad('Nothing is to be changed: give name, note or pinned.');
    if (Object.hasOwn(given, 'pinned') && typeof pinned !== 'boolean')
      throw bad('pinned must be true or false.');
    return {
      session: sessionId(given['session']),
      ...(Object.hasOwn(given, 'name') ? { name: sessionName(given['name']) } : {}),
      ...(Object.hasOwn(given, 'note') ? { note: sessionNote(given['note']) } : {}),
      ...(typeof pinned === 'boolean' ? { pinned } : {}),
    };
  },
  'sessions.delete': oneSession,
  'sessions.restore': oneSession,
  'notice.dismiss': none,
  'announcements.seen': (args) => ({
    upTo: whole('upTo', fields(args, ['upTo'])['upTo'], 0, Number.MAX_SAFE_INTEGER),
  }),
  'announcements.mute': (args) => ({ for: oneOf<MuteFor>('for', MUTES, fields(args, ['for'])['for']) }),
  'journal.page': (args) => {
    const { session, endpoint, before, limit } = fields(args, ['session', 'endpoint', 'before', 'limit']);
    return {
      session: sessionOrNull(session),
      endpoint: endpoint === null ? null : oneOf<Endpoint>('endpoint', ENDPOINTS, endpoint),
      before: timeOrNull(before),
      limit: whole('limit', limit, 1, 1_000),
    };
  },
  'health.page': (args) => {
    const { endpoint, before, limit } = fields(args, ['endpoint', 'before', 'limit']);
    return {
      endpoint: oneOf<Endpoint>('endpoint', ENDPOINTS, endpoint),
      before: timeOrNull(before),
      limit: whole('limit', limit, 1, MAX_PAGE),
    };
  },
  'refusals.list': (args) => ({ session: sessionOrNull(fields(args, ['session'])['session']) }),
  'frames.list': (args) => ({
    endpoint: oneOf<Endpoint>('endpoint', ENDPOINTS, fields(args, ['endpoint'])['endpoint']),
  }),
  'coverage.page': (args) => {
    const { market, endpoint, from, to } = fields(args, ['market', 'endpoint', 'from', 'to']);
    const start = whole('from', from, 0, Number.MAX_SAFE_INTEGER - 1);
    return {
      market: marketId(market),
      endpoint: oneOf<Endpoint>('endpoint', ENDPOINTS, endpoint),
      from: start,
      to: whole('to', to, start + 1, Number.MAX_SAFE_INTEGER),
    };
  },
  'coverage.recent': none,
  'coverage.sessions': (args) => {
    const { sessions, buckets } = fields(args, ['sessions', 'buckets']);
    return {
      sessions: list('sessions', sessions, MAX_CORDS, sessionId),
      buckets: whole('buckets', buckets, 1, MAX_BUCKETS),
    };
  },
  'coverage.session': (args) => {
    const { session, markets, buckets } = fields(args, ['session', 'markets', 'buckets']);
    return {
      session: sessionId(session),
      markets: list('markets', markets, MAX_LINES, marketId),
      buckets: whole('buckets', buckets, 1, MAX_BUCKETS),
    };
  },
  'settings.set': (args) => {
    const { settings } = fields(args, ['settings']);
    return { settings: settingsOf(settings) };
  },
  'retention.get': none,
  'retention.preview': (args) => ({ policy: policyOf(fields(args, ['policy'])['policy']) }),
  'retention.set': (args) => ({ policy: policyOf(fields(args, ['policy'])['policy']) }),
  'dialect.get': none,
  'dialect.set': (args) => {
    const { document } = fields(args, ['document']);
    return { document: document === null ? null : boundedText('document', document, MAX_DOCUMENT) };
  },
  'dialect.preview': (args) => {
    const { document, endpoint, frame } = fields(args, ['document', 'endpoint', 'frame']);
    return {
      document: boundedText('document', document, MAX_DOCUMENT),
      endpoint: oneOf<Endpoint>('endpoint', ENDPOINTS, endpoint),
      frame: boundedText('frame', frame, MAX_FRAME),
    };
  },
};

/** Checks the part of the settings that is given; also for what was stored. @throws {QuipuError} */
export function settingsOf(value: unknown): Partial<Settings> {
  const given = fields(value, [], ['theme', 'startAtLogin', 'keepAwake', 'updateFeed']);
  return {
    ...('theme' in given && { theme: oneOf('theme', THEMES, given['theme']) }),
    ...('startAtLogin' in given && { startAtLogin: yesOrNo('startAtLogin', given['startAtLogin']) }),
    ...('keepAwake' in given && { keepAwake: yesOrNo('keepAwake', given['keepAwake']) }),
    ...('updateFeed' in given && { updateFeed: feedOf(given['updateFeed']) }),
  };
}

/** Empty: off. */
function feedOf(value: unknown): string {
  const feed = boundedText('updateFeed', value, MAX_FEED);
  const fault = feed === '' ? null : updateFeedFault(feed);
  if (fault !== null) throw bad(`updateFeed ${fault}`);
  return feed;
}

function yesOrNo(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw bad(`${name} must be true or false.`);
  return value;
}

/** @throws {QuipuError} */
function policyOf(value: unknown): RetentionPolicy {
  const given = fields(value, ['tradesDays', 'candlesDays', 'historyDays', 'maxBytes']);
  const days = (name: 'tradesDays' | 'candlesDays' | 'historyDays'): number | null =>
    given[name] === null ? null : whole(name, given[name], 1, MAX_RETENTION_DAYS);
  const { maxBytes } = given;
  return {
    tradesDays: days('tradesDays'),
    candlesDays: days('candlesDays'),
    historyDays: days('historyDays'),
    maxBytes:
      maxBytes === null ? null : whole('maxBytes', maxBytes, MIN_STORE_BYTES, Number.MAX_SAFE_INTEGER),
  };
}

function none(args: unknown): Record<string, never> {
  fields(args, []);
  return {};
}

/** A plain object with exactly the needed fields, and of the others only the optional ones. */
function fields(args: unknown, needed: readonly string[], optional: readonly string[] = []): Fields {
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw bad('The arguments must be an object.');
  const prototype: unknown = Object.getPrototypeOf(args);
  if (prototype !== Object.prototype && prototype !== null)
    throw bad('The arguments must be a plain object.');
  for (const name of needed) if (!Object.hasOwn(args, name)) throw bad(`${name} is missing.`);
  for (const name of Object.keys(args)) {
    if (!needed.includes(name) && !optional.includes(name))
      throw bad(`${name.slice(0, 40)} is not an argument.`);
  }
  return args as Fields;
}

/** Without the space around it, which copying brings along. */
function apiKey(value: unknown): string {
  if (typeof value !== 'string') throw bad('key must be text.');
  const trimmed = value.trim();
  if (trimmed.length === 0) throw bad('The key is empty.', 'Paste the key that Inca Digital gave you.');
  if (trimmed.length > MAX_KEY || !/^[\x21-\x7e]+$/.test(trimmed)) {
    throw bad(
      'This is not an API key: it has spaces or characters that no key has.',
      'Copy the key again, without the text around it.',
    );
  }
  return trimmed;
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: unknown): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw bad(`${name} must be one of ${allowed.join(', ')}.`);
  return found;
}

function whole(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw bad(`${name} must be a whole number from ${low} to ${high}.`);
  }
  return value;
}

function boundedText(name: string, value: unknown, bytes: number): string {
  if (typeof value !== 'string' || value.length > bytes || Buffer.byteLength(value) > bytes) {
    throw bad(`${name} must be text of at most ${bytes / 1024} KB.`);
  }
  return value;
}

function timeOrNull(value: unknown): number | null {
  return value === null ? null : whole('before', value, 0, Number.MAX_SAFE_INTEGER);
}

function sessionOrNull(value: unknown): number | null {
  return value === null ? null : sessionId(value);
}

function oneSession(args: unknown): { session: number } {
  return { session: sessionId(fields(args, ['session'])['session']) };
}

function sessionId(value: unknown): number {
  return whole('session', value, 1, Number.MAX_SAFE_INTEGER);
}

function words(name: string, value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_ID) {
    throw bad(`${name} must be text of at most ${MAX_ID} characters.`);
  }
  return value;
}

function marketId(value: unknown): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_ID) {
    throw bad(`A market id must be text of 1 to ${MAX_ID} characters.`);
  }
  return value;
}

function chartKey(value: unknown): ChartKey {
  const { market, granularity } = fields(value, ['market', 'granularity']);
  return {
    market: marketId(market),
    granularity: oneOf<Granularity>('granularity', GRANULARITIES, granularity),
  };
}

function list<T>(name: string, value: unknown, most: number, each: (item: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > most) throw bad(`${name} must be a list of at most ${most}.`);
  // Unlike `map`, it does not pass over holes.
  return Array.from(value as readonly unknown[], each);
}

function bad(message: string, action?: string): QuipuError {
  return new QuipuError('bad-argument', message, action);
}
