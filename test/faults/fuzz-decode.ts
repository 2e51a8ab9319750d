/**
 * Throws damaged and random frames at the decoder and checks what must hold of anything.
 * Usage: node test/faults/fuzz-decode.ts [FRAMES] [SEED]; a failure names the seed and the frame.
 */
import assert from 'node:assert/strict';
import { GRANULARITIES } from '../../main/core/contract.ts';
import { canonicalDecimal, formatDecimal, parseDecimal } from '../../main/core/protocol/decimal.ts';
import {
  type Answer,
  createDecoder,
  type DecodedCandle,
  type DecodedTrade,
  type FrameSink,
  type Refusal,
} from '../../main/core/protocol/decode.ts';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';
import { TolerantDecoder } from '../../main/core/protocol/tolerant.ts';

export interface FuzzReport {
  readonly frames: number;
  readonly trades: number;
  readonly candles: number;
  readonly answers: number;
  readonly unknown: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Frames of which nothing was told, which only empty lists and objects may be. */
  readonly silent: number;
}

const REASONS = new Set([
  ...['json', 'utf8', 'depth', 'size', 'price', 'time', 'market', 'id', 'count', 'shape', 'granularity'],
]);
const PENDING = 'k3f9-1';

const SEEDS = [
  '{"type":"trade","payload":{"id":"3401927715","marketId":"binance-btc-usdt","marketVenue":"binance","pairId":"btc-usdt","timestamp":"2024-01-15T18:10:07.123Z","price":"42519.59","size":"0.0125","side":"buy"}}',
  '{"type":"trade-metrics","payload":{"marketId":"binance-btc-usdt","marketVenue":"binance","pairId":"btc-usdt","granularity":"1m","timestamp":"2024-01-15T18:10:00.000Z","open":"42510.1","high":"42522","low":"42509","close":"42519.59","volume":"12.5","vwap":"42515.2","trades":606}}',
  '{"traceId":"k3f9-1","type":"success","payload":{"marketIds":["binance-btc-usdt"]}}',
  '{"traceId":"k3f9-2","type":"error","payload":{"code":"BAD_REQUEST","message":"unknown market"}}',
  '[{"marketId":"m","price":1.5e3,"quantity":7,"isBuyerMaker":true,"time":1705342207123}]',
  '{"data":[{"market":{"id":"m"},"price":"1","amount":"2","timestamp":1705342207},{"market":{"id":"n"},"price":"0.1","qty":3,"time":1705342207123456789}]}',
  '{"market":{"id":"m"},"timestamp":"2024-01-15T18:10:00Z","metrics":{"1m":{"open":null,"high":null,"low":null,"close":null,"volume":"0","trades":0},"1h":{"price":"5","volume":"2","vwap":"5","trades":3}}}',
  '{"type":"heartbeat","payload":{}}',
];
/** What stands where another value stood. */
const VALUES = [
  ...[
    'null',
    'true',
    '-1',
    '1e999',
    '1e-999',
    '-0',
    '0',
    '1.50',
    '9007199254740993',
    '{}',
    '[]',
    '[{}]',
    '""',
  ],
  ...['"\\u0000"', '"\\ud800"', '"\u202e"', '"__proto__"', '"m"', '"trade"', '"SELL"', '"k3f9-1"', '"1h"'],
  ...[
    '"2024-13-45T99:99:99Z"',
    '"2024-01-15T18:10:07.123456789Z"',
    '1705342207',
    '"1e400"',
    '"0x10"',
    '"١٢٣"',
  ],
  ...['"Infinity"', '"-0.5"', '"1E+3"', '"9223372036854775808"', '0.00000000000000000000000000000000000001'],
];
/** What breaks in anywhere. */
const DEBRIS = [
  ...['[[[[', '{"a":', '"', '\\', ',', ':', '}', ']', '\n', '\r\n', ' ', '\ufeff', '\u202e', 'NaN', '-', '.'],
  ...[
    '"type":"trade",',
    '"payload":',
    '"marketId":"m",',
    '"price":"1",',
    '"size":"-1",',
    '"side":7,',
    '"trades":-5,',
  ],
];

interface Told {
  readonly trades: DecodedTrade[];
  readonly candles: DecodedCandle[];
  readonly answers: Answer[];
  readonly unknown: string[];
  readonly refused: Refusal[];
}

function collect(): Told & { readonly sink: FrameSink; clear(): void; readonly count: number } {
  const told: Told = { trades: [], candles: [], answers: [], unknown: [], refused: [] };
  const lists: unknown[][] = [told.trades, told.candles, told.answers, told.unknown, told.refused];
  return {
    ...told,
    get count() {
      return lists.reduce((sum, { length }) => sum + length, 0);
    },
    clear() {
      for (const list of lists) list.length = 0;
    },
    sink: {
      trade: (trade) => told.trades.push({ ...trade }),
      candle: (candle) => told.candles.push(candle),
      answer: (answer) => told.answers.push(answer),
      unknown: (type) => told.unknown.push(type),
      refused: (refusal) => told.refused.push(refusal),
    },
  };
}

/** Repeatable chance: mulberry32, as whole numbers below a bound. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The damage that leaves a frame JSON. */
const VALUE = 6;

/** One in ten whole, else with one to four damages. */
function makeFrame(below: (bound: number) => number): Buffer {
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  let bytes = Buffer.from(pick(SEEDS));
  if (below(50) === 0) bytes = Buffer.from(Array.from({ length: below(200) }, () => below(256)));
  if (below(10) === 0) return bytes;
  const mild = below(2) === 0;
  for (let damages = 1 + below(4); damages > 0; damages--) {
    const at = below(bytes.length + 1);
    const to = Math.min(bytes.length, at + below(20));
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (mild ? VALUE : below(8)) {
      case 0: {
        bytes = Buffer.from(bytes);
        if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
        break;
      }
      case 1:
        bytes = before;
        break;
      case 2:
        bytes = Buffer.concat([before, Buffer.from(pick(DEBRIS)), after]);
        break;
      case 3:
        bytes = Buffer.concat([before, bytes.subarray(to)]);
        break;
      case 4:
        bytes = Buffer.concat([before, bytes.subarray(at, to), bytes.subarray(at, to), after]);
        break;
      case 5:
        bytes = Buffer.concat([bytes, Buffer.from(pick(['\n', ' ', ''])), Buffer.from(pick(SEEDS))]);
        break;
      case VALUE: {
        // A value exchanged for another.
        const text = bytes.toString('latin1');
        const values = [...text.matchAll(/(?<=:)("[^"\\]*"|-?[0-9.]+|null|true)/g)];
        const value = values.length === 0 ? undefined : pick(values);
        if (value === undefined) break;
        const end = value.index + value[0].length;
        bytes = Buffer.concat([
          bytes.subarray(0, value.index),
          Buffer.from(pick(VALUES)),
          bytes.subarray(end),
        ]);
        break;
      }
      default: {
        const other = Buffer.from(pick(SEEDS));
        bytes = Buffer.concat([before, other.subarray(below(other.length + 1))]);
      }
    }
  }
  return bytes;
}

/** Layouts that a server might keep to, one trade after the other. */
const LAYOUTS = [
  SEEDS[0] ?? '',
  '{"type":"trade","payload":{"price":42519.59,"size":0.0125,"id":3401927715,"timestamp":1705342207123,"marketId":"m"}}',
  '{ "payload": { "side" : "SELL", "timestamp": "2024-01-15T18:10:07Z", "pairId": "a-b", "marketId": "x-a-b", "marketVenue": "x", "size": "1", "price": "2" }, "type": "trade" }',
  '{"type":"trade","payload":{"marketVenue":"v","timestamp":"2024-01-15T18:10:07.123456Z","marketId":"v-a-b","pairId":"a-b","price":"1","id":"3f2b8c1e-0a77-4f0e-a1c2-9b6d5e4f3a21","size":"1.50"}}',
];

/** A trade of this layout with other values, or with a few damaged bytes. */
function vary(layout: string, below: (bound: number) => number): Buffer {
  let text = layout;
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(text.length);
    const byte = String.fromCharCode(below(4) === 0 ? below(256) : 0x20 + below(95));
    switch (below(4)) {
      case 0: {
        // Of a digit another digit, so that times and decimals stay what they are.
        const digits = [...text.matchAll(/\d/g)];
        const digit = digits[below(digits.length)]?.index ?? 0;
        text = `${text.slice(0, digit)}${below(10)}${text.slice(digit + 1)}`;
        break;
      }
      case 1: {
        const values = [...text.matchAll(/(?<=: ?)("[^"\\]*"|-?[0-9.]+)/g)];
        const value = values[below(values.length)];
        if (value === undefined) break;
        const end = value.index + value[0].length;
        text = `${text.slice(0, value.index)}${VALUES[below(VALUES.length)] ?? ''}${text.slice(end)}`;
        break;
      }
      case 2:
        text = `${text.slice(0, at)}${byte}${text.slice(at + below(2))}`;
        break;
      default:
        text = `${text.slice(0, at)}${text.slice(at + below(3))}`;
    }
  }
  return Buffer.from(text, 'latin1');
}

function checkText(text: string, limit: number): void {
  assert(text.length <= limit, 'text is bounded');
  assert(!/[\p{Cc}\p{Cf}]/u.test(text), 'text has no control or format characters');
}

function checkDecimal(digits: number | bigint, scale: number): void {
  assert(digits >= 0 && scale >= 0 && Number.isSafeInteger(scale), 'decimal is in range');
  assert(typeof digits === 'bigint' || Number.isSafeInteger(digits), 'digits are exact');
  const text = formatDecimal(digits, scale);
  const back = parseDecimal(text);
  assert(
    back !== null && BigInt(back.digits) === BigInt(digits) && back.scale === scale,
    `${text} is canonical`,
  );
}

function checkMarket(market: string): void {
  assert(market !== '' && market.length <= 256 && market.isWellFormed(), 'market is an id');
}

function check(told: Told): void {
  for (const trade of told.trades) {
    checkMarket(trade.market);
    assert(Number.isSafeInteger(trade.exchangeTime), 'time');
    checkDecimal(trade.priceDigits, trade.priceScale);
    checkDecimal(trade.sizeDigits, trade.sizeScale);
    assert([0, 1, 2].includes(trade.side), 'side');
    assert(trade.id.length <= 256 && trade.id.isWellFormed(), 'id');
  }
  for (const candle of told.candles) {
    checkMarket(candle.market);
    assert(Number.isSafeInteger(candle.start), 'start');
    assert(GRANULARITIES.includes(candle.granularity), 'granularity');
    assert(Number.isSafeInteger(candle.trades) && candle.trades >= 0, 'trades');
    for (const text of [candle.open, candle.high, candle.low, candle.close, candle.vwap, candle.volume]) {
      if (text === null) continue;
      assert(canonicalDecimal(text) === text, `${text} is canonical`);
    }
  }
  for (const { words } of told.answers) if (words !== null) checkText(words, 500);
  for (const type of told.unknown) checkText(type, 100);
  for (const { reason, sample } of told.refused) {
    assert(REASONS.has(reason), `${reason} is a known reason`);
    checkText(sample, 300);
  }
}

/**
 * Decodes so many frames out of one seed.
 *
 * @throws {Error} naming seed, frame and what did not hold
 */
export function fuzz(frames: number, seed: number): FuzzReport {
  const below = dice(seed);
  const decoder = createDecoder(DEFAULT_DIALECT);
  const tolerant = new TolerantDecoder(DEFAULT_DIALECT, null);
  const told = collect();
  const slow = collect();
  const pending = (traceId: string): boolean => traceId === PENDING;
  const refused: Record<string, number> = {};
  const sums = { trades: 0, candles: 0, answers: 0, unknown: 0, silent: 0 };
  for (let n = 0; n < frames; n++) {
    const frame = makeFrame(below);
    const before = Buffer.from(frame);
    told.clear();
    try {
      decoder.decode(frame, pending, told.sink);
      assert(frame.equals(before), 'the frame is left as it was');
      check(told);
      if (told.count === 0) {
        sums.silent++;
        assert(/\[\s*\]|\{\s*\}/.test(frame.toString('latin1')), 'what is not empty is told of');
      }
      // The scanner's short cut must give what the whole decoder gives.
      if (told.trades.length > 0 || n % 16 === 0) {
        slow.clear();
        tolerant.decode(frame, 0, pending, slow.sink);
        assert.deepEqual(told.trades, slow.trades);
        assert.deepEqual(told.candles, slow.candles);
        assert.deepEqual(
          told.refused.map(({ reason }) => reason),
          slow.refused.map(({ reason }) => reason),
        );
      }
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`seed ${seed}, frame ${n}: ${what}\n${JSON.stringify(before.toString('latin1'))}`, {
        cause: error,
      });
    }
    sums.trades += told.trades.length;
    sums.candles += told.candles.length;
    sums.answers += told.answers.length;
    sums.unknown += told.unknown.length;
    for (const { reason } of told.refused) refused[reason] = (refused[reason] ?? 0) + 1;
  }
  assert.deepEqual(Object.keys(Object.prototype), [], 'no prototype is polluted');
  return { frames, ...sums, refused };
}

/**
 * The same for decoders that guess: each has just read a trade of its layout when another comes that is
 * almost like it.
 *
 * @returns how many of them were trades still
 * @throws {Error} naming seed, frame and what did not hold
 */
export function fuzzGuesses(frames: number, seed: number): number {
  const below = dice(seed);
  const guessing = LAYOUTS.map((layout) => ({
    layout,
    whole: Buffer.from(layout),
    decoder: createDecoder(DEFAULT_DIALECT),
  }));
  const tolerant = new TolerantDecoder(DEFAULT_DIALECT, null);
  const told = collect();
  const slow = collect();
  const pending = (): boolean => false;
  let trades = 0;
  for (let n = 0; n < frames; n++) {
    for (const { layout, whole, decoder } of guessing) {
      const frame = vary(layout, below);
      decoder.decode(whole, pending, told.sink);
      assert.equal(told.trades.length, 1, 'a whole trade is one');
      told.clear();
      slow.clear();
      decoder.decode(frame, pending, told.sink);
      tolerant.decode(frame, 0, pending, slow.sink);
      try {
        for (const what of ['trades', 'candles', 'answers', 'unknown', 'refused'] as const) {
          assert.deepEqual(told[what], slow[what], what);
        }
      } catch (error) {
        const text = JSON.stringify(frame.toString('latin1'));
        throw new Error(`seed ${seed}, guess ${n}: not what the whole decoder gives\n${text}`, {
          cause: error,
        });
      }
      trades += told.trades.length;
      told.clear();
    }
  }
  return trades;
}

if (process.argv[1] === import.meta.filename) {
  const [frames = 1_000_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
  const begun = performance.now();
  const report = fuzz(frames, seed);
  const guessed = fuzzGuesses(Math.ceil(frames / LAYOUTS.length), seed);
  const seconds = (performance.now() - begun) / 1000;
  console.log(JSON.stringify({ seed, seconds: Number(seconds.toFixed(1)), ...report, guessed }));
}
