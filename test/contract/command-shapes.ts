/** What each command takes, written down a second time, so that its guard is not its own judge. */
import {
  type CommandName,
  ENDPOINTS,
  GRANULARITIES,
  MARKET_SORTS,
  MAX_BROWSE,
  MAX_WATCHED,
} from '../../main/core/contract.ts';
import { between, type Chance, pick } from '../faults/chance.ts';

/** One argument: what is right for it, and something that is near to that and not. */
export interface Kind {
  right(value: unknown): boolean;
  good(random: Chance): unknown;
  near(random: Chance): unknown;
}

export interface Shape {
  readonly needed: Readonly<Record<string, Kind>>;
  readonly optional?: Readonly<Record<string, Kind>>;
  /** Of all together, when each is right for itself. */
  readonly also?: (args: Readonly<Record<string, unknown>>) => boolean;
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** @param most UTF-8 bytes where `bytes`, else UTF-16 units */
function text(least: number, most: number, bytes = false): Kind {
  const length = (value: string): number => (bytes ? Buffer.byteLength(value) : value.length);
  return {
    right: (value) => typeof value === 'string' && value.length >= least && length(value) <= most,
    good: (random) => 'binance-btc-usdt'.slice(0, between(random, least, 16)),
    near: (random) =>
      any(random, [
        // Few are large, since each costs as much as a hundred others.
        random() < 0.02 ? 'x'.repeat(most + 1) : [''],
        ...(bytes ? ['é'.repeat(random() < 0.02 ? most / 2 + 1 : 0)] : ['é'.repeat(most + 1)]),
        ['text'],
        { toString: 'text' },
        { length: 3 },
        least > 0 ? '' : null,
      ]),
  };
}

function any(random: Chance, list: readonly unknown[]): unknown {
  return list[between(random, 0, list.length - 1)];
}

function whole(least: number, most: number): Kind {
  return {
    right: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    good: (random) => between(random, least, Math.min(most, least + 100)),
    near: (random) =>
      any(random, [
        ...[least - 1, most + 1, least + 0.5, -least - 1, most * 2 + 1, 2 ** 53 + 2, 1e308, -0.1],
        ...[
          Number.NaN,
          Number.POSITIVE_INFINITY,
          String(least),
          `${least}`,
          [least],
          { valueOf: least },
          true,
        ],
      ]),
  };
}

function one(...of: readonly [string, ...string[]]): Kind {
  return {
    right: (value) => of.some((each) => each === value),
    good: (random) => pick(random, of),
    near: (random) => {
      const word = pick(random, of);
      return any(random, [
        ...[word.toUpperCase(), `${word} `, ` ${word}`, `${word}\0`, [word], { [word]: true }, '', 0],
        ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'],
      ]);
    },
  };
}

const bool: Kind = {
  right: (value) => typeof value === 'boolean',
  good: (random) => random() < 0.5,
  near: (random) => any(random, ['true', 'false', 0, 1, '', [true], {}]),
};

function orNull(kind: Kind): Kind {
  return {
    right: (value) => value === null || kind.right(value),
    good: (random) => (random() < 0.5 ? null : kind.good(random)),
    near: (random) => (random() < 0.2 ? undefined : kind.near(random)),
  };
}

function list(kind: Kind, most: number, distinct = false): Kind {
  const some = (random: Chance): unknown[] =>
    Array.from({ length: between(random, 1, 3) }, () => kind.good(random));
  return {
    right: (value) =>
      Array.isArray(value) &&
      value.length <= most &&
      // Unlike `every`, this sees holes.
      Array.from(value as unknown[]).every((each) => kind.right(each)) &&
      (!distinct || new Set(value).size === value.length),
    good: () => [],
    near: (random) => {
      const items = some(random);
      return any(random, [
        [...items, kind.near(random)],
        Array.from({ length: most + 1 }, (_, n) => `m${n}`),
        { ...items, length: items.length },
        new Set(items),
        Object.assign(Array<unknown>(3), { 0: items[0] }),
        [items],
        items[0],
        null,
        ...(distinct ? [['m', 'm']] : []),
      ]);
    },
  };
}

function record(needed: Readonly<Record<string, Kind>>, optional = false): Kind {
  const names = Object.keys(needed);
  return {
    right: (value) => isRight({ needed }, value, optional),
    good: (random) => (optional ? {} : goodOf({ needed }, random)),
    near: (random) => nearTo({ needed }, random, names),
  };
}

const KEY: Kind = {
  right: (value) =>
    typeof value === 'string' && /^\s*[\x21-\x7e]{1,4096}\s*$/.test(value) && value.trim().length <= 4_096,
  good: () => 'a-key',
  near: (random) =>
    any(random, [
      ...['', ' ', 'two words', 'ключ', 'a\0b', 'a\u202eb', 'tab\tin', '\u00a0', 'line\nbreak'],
      random() < 0.1 ? 'x'.repeat(4_097) : 7,
      ...[['a-key'], { key: 'a-key' }, true],
    ]),
};
const MARKET = text(1, 200);
const MARKETS = list(MARKET, MAX_WATCHED);
const ENDPOINT = one(ENDPOINTS[0] ?? '', ...ENDPOINTS);
const CHART = record({ market: MARKET, granularity: one(GRANULARITIES[0] ?? '', ...GRANULARITIES) });
const BEFORE = orNull(whole(0, MAX_SAFE));
const SESSION = whole(1, MAX_SAFE);
const PAGE = whole(1, 5_000);
const RANGE: Shape['also'] = ({ from, to }) => (from as number) < (to as number);
const RANGE_ENDS = { from: whole(0, MAX_SAFE - 1), to: whole(0, MAX_SAFE) };
const DOCUMENT = text(0, 64 * 1024, true);
const NONE: Shape = { needed: {} };
const ONE_SESSION: Shape = { needed: { session: SESSION } };

/** What a user writes of a session. */
function words(most: number, lines: boolean): Kind {
  return {
    right: (value) =>
      value === null ||
      (typeof value === 'string' &&
        value.length <= most &&
        !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value.replace(/[\t\n]/g, '')) &&
        (lines || !/[\t\n]/.test(value))),
    good: (random) => any(random, [null, '', 'The launch', '発売 🚀']),
    near: (random) =>
      any(random, [
        ...['a\0b', 'a\u202eb', 'a\u200bb', 'a\u2028b', 'a\x1bb', 'two\nlines'],
        ...['x'.repeat(most + 1), 7, ['name'], { name: 'name' }, true, undefined],
      ]),
  };
}

const DAYS = orNull(whole(1, 36_500));
const POLICY = record({
  ...{ tradesDays: DAYS, candlesDays: DAYS, historyDays: DAYS },
  maxBytes: orNull(whole(10_000_000, MAX_SAFE)),
});

/** A command without an entry does not compile. */
export const SHAPES: { readonly [N in CommandName]: Shape } = {
  'key.set': { needed: { key: KEY } },
  'key.forget': NONE,
  'key.test': { needed: { key: orNull(KEY) } },
  'key.retry': NONE,
  'source.set': { needed: { source: one('none', 'live', 'demo') } },
  'link.retry': { needed: { endpoint: orNull(ENDPOINT) } },
  'recording.set': { needed: { on: bool } },
  'watch.set': { needed: { markets: list(MARKET, MAX_WATCHED, true) } },
  'watch.retry': { needed: { markets: orNull(MARKETS) } },
  'markets.search': { needed: { text: text(0, 200), limit: whole(1, 1_000) } },
  'markets.browse': {
    needed: {
      ...{ text: text(0, 200), venue: orNull(text(0, 200)), assetType: orNull(text(0, 200)) },
      ...{ active: orNull(bool), sort: one(MARKET_SORTS[0] ?? '', ...MARKET_SORTS), descending: bool },
      ...{ offset: whole(0, MAX_SAFE), limit: whole(1, MAX_BROWSE) },
    },
  },
  'markets.reload': NONE,
  'follow.set': { needed: { charts: list(CHART, 8), tapes: list(MARKET, 8) } },
  'candles.page': { needed: { chart: CHART, before: BEFORE, limit: PAGE } },
  'trades.page': { needed: { market: MARKET, before: BEFORE, limit: PAGE } },
  'buckets.page': {
    needed: { session: orNull(SESSION), market: MARKET, ...RANGE_ENDS, limit: PAGE },
    also: RANGE,
  },
  'sessions.list': NONE,
  'sessions.edit': {
    needed: { session: SESSION },
    optional: { name: words(80, false), note: words(2_000, true), pinned: bool },
    also: (args) => Object.keys(args).length > 1,
  },
  'sessions.delete': ONE_SESSION,
  'sessions.restore': ONE_SESSION,
  'journal.page': {
    needed: { session: orNull(SESSION), endpoint: orNull(ENDPOINT), before: BEFORE, limit: whole(1, 1_000) },
  },
  'health.page': { needed: { endpoint: ENDPOINT, before: BEFORE, limit: PAGE } },
  'refusals.list': { needed: { session: orNull(SESSION) } },
  'frames.list': { needed: { endpoint: ENDPOINT } },
  'notice.dismiss': NONE,
  'announcements.seen': { needed: { upTo: whole(0, MAX_SAFE) } },
  'announcements.mute': { needed: { for: one('hour', 'tomorrow', 'off') } },
  'coverage.page': { needed: { market: MARKET, endpoint: ENDPOINT, ...RANGE_ENDS }, also: RANGE },
  'coverage.recent': NONE,
  'coverage.sessions': { needed: { sessions: list(SESSION, 20), buckets: whole(1, 500) } },
  'coverage.session': {
    needed: { session: SESSION, markets: list(MARKET, 50), buckets: whole(1, 500) },
  },
  'settings.set': { needed: { settings: record({ theme: one('system', 'dark', 'light') }, true) } },
  'retention.get': NONE,
  'retention.preview': { needed: { policy: POLICY } },
  'retention.set': { needed: { policy: POLICY } },
  'dialect.get': NONE,
  'dialect.set': { needed: { document: orNull(DOCUMENT) } },
  'dialect.preview': {
    needed: { document: DOCUMENT, endpoint: ENDPOINT, frame: text(0, 256 * 1024, true) },
  },
};

/** Whether the command must take it. @param partial fields may be missing */
export function isRight({ needed, optional, also }: Shape, args: unknown, partial = false): boolean {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return false;
  const prototype: unknown = Object.getPrototypeOf(args);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const given = args as Readonly<Record<string, unknown>>;
  const names = Object.keys(given);
  const kinds = { ...needed, ...optional };
  if (names.some((name) => !Object.hasOwn(kinds, name))) return false;
  const isEach = Object.entries(kinds).every(([name, kind]) =>
    Object.hasOwn(given, name) ? kind.right(given[name]) : partial || !Object.hasOwn(needed, name),
  );
  return isEach && (also?.(given) ?? true);
}

export function goodOf({ needed, optional = {} }: Shape, random: Chance): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries({ ...needed, ...optional })) args[name] = kind.good(random);
  // Of a range, the one end is chosen without the other.
  if ('to' in args && 'from' in args) args['to'] = Number(args['from']) + 1;
  return args;
}

/** What no command takes, whatever its fields are called. */
const FOREIGN: readonly [(random: Chance) => unknown, ...((random: Chance) => unknown)[]] = [
  () => null,
  () => undefined,
  (random) => random() * 1e6,
  () => 'args',
  () => true,
  () => [],
  () => [{}],
  () => 10n ** 30n,
  () => new Date(0),
  () => new Map([['key', 'a-key']]),
  () => new Uint8Array(8),
  () => new Error('args'),
  () => /args/,
];

/** Something near to what the shape takes; most often, and by chance not always, wrong. */
export function nearTo(
  shape: Shape,
  random: Chance,
  names = Object.keys({ ...shape.needed, ...shape.optional }),
): unknown {
  const args = goodOf(shape, random);
  const kinds: Shape['needed'] = { ...shape.needed, ...shape.optional };
  const name = names[between(random, 0, names.length - 1)];
  switch (between(random, 0, name === undefined ? 4 : 9)) {
    case 0:
      return pick(random, FOREIGN)(random);
    case 1:
      return Object.assign(args, {
        [pick(random, ['more', 'constructor', '', 'toString', 'Key', '0'])]: args,
      });
    case 2:
      return JSON.parse(`{"__proto__":${JSON.stringify(args)}${random() < 0.5 ? '' : ',"more":1'}}`);
    case 3:
      return Object.assign(Object.create(random() < 0.5 ? args : new Sender()) as object, args, { more: 1 });
    case 4:
      return Object.assign([], args);
    case 5: {
      const { [name ?? '']: _left, ...rest } = args;
      return random() < 0.5 ? rest : Object.assign(Object.create({ [name ?? '']: _left }) as object, rest);
    }
    case 6:
      return { ...args, [name ?? '']: pick(random, FOREIGN)(random) };
    default:
      return { ...args, [name ?? '']: kinds[name ?? '']?.near(random) };
  }
}

/** An object of a class is not what a view sends. */
class Sender {
  readonly name = 'sender';
}
