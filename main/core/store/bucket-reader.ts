/**
 * Any range of a market as a few buckets, in a time that depends on how many they are and not on the range:
 * of every tape the coarsest bars that fit into the buckets are added up, and trades are read one by one
 * only where a tape is so thin that there are no such bars, and where they are not sealed yet.
 */
import type { Database } from 'better-sqlite3';
import {
  BUCKET_COVERAGE,
  BUCKET_FIELDS,
  type BucketPage,
  type CoverageState,
  type Micros,
} from '../contract.ts';
import { decodeBars, Fold, levelFor, slotsBetween, spanOf } from './bars.ts';
import { ChunkBody } from './chunk.ts';
import { decimalToNumber } from '../protocol/decimal.ts';
import { visibleIn } from './marks.ts';
import { DamagedPiece } from './piece.ts';
import { numberAt } from './run.ts';
import { hasChunks, hasCoverage, hasRetention } from './schema.ts';
import type { BucketQuery } from './store.ts';

export interface BucketReader {
  /** Inside a transaction. See `Store.buckets`. @param query its market is a row of the table `markets` */
  buckets(query: Omit<BucketQuery, 'market'> & { readonly market: number }): BucketPage;
}

type LegacyRow = [
  exchangeTime: bigint,
  priceDigits: bigint,
  priceScale: bigint,
  sizeDigits: bigint,
  sizeScale: bigint,
];

interface TapeRow {
  readonly session: number;
  readonly first: number;
  readonly chunks: number;
  readonly full: number;
}

interface NodeRow {
  readonly first_time: number;
  readonly last_time: number;
  readonly level: number;
  readonly bars: Uint8Array;
}

type Within = [market: number, session: number | null, from: number, to: number];

export function prepareBucketReader(database: Database): BucketReader {
  const chunks = hasChunks(database) ? prepareTapes(database) : null;
  const coverage = hasCoverage(database) ? prepareWorst(database) : null;
  const visible = visibleIn(database).of('session');
  const legacyWithin = database
    .prepare<Within, LegacyRow>(
      `SELECT exchange_time, price_digits, price_scale, size_digits, size_scale FROM trades
       WHERE market = ? AND session = ifnull(?, session) AND exchange_time >= ? AND exchange_time < ?${visible}
       ORDER BY exchange_time, row`,
    )
    .raw()
    .safeIntegers();
  const legacySession = database
    .prepare<[], number>('SELECT session FROM trades ORDER BY row LIMIT 1')
    .pluck();

  return {
    buckets({ session, market, from, to, limit }) {
      const fold = emptyFold(from, to, limit);
      const within: Within = [market, session, fold.from, fold.to];
      // In the order of receipt: rows are sealed from the oldest on, and so are segments, which are newer.
      const sealing = legacySession.get();
      chunks?.fold(within, 0, sealing ?? Infinity, fold);
      if (sealing !== undefined) {
        for (const [time, price, priceScale, size, sizeScale] of legacyWithin.iterate(...within)) {
          fold.addTrade(
            Number(time),
            decimalToNumber(price, Number(priceScale)),
            decimalToNumber(size, Number(sizeScale)),
          );
        }
        chunks?.fold(within, sealing + 1, Infinity, fold);
      }
      chunks?.foldSegments(within, fold);
      return packBuckets(fold, coverage?.(within, fold) ?? null);
    },
  };
}

/** At most `limit` buckets, of the finest level at which there are so few, for [from, to). */
export function emptyFold(from: Micros, to: Micros, limit: number): Fold {
  const level = levelFor(from, to, limit);
  return new Fold(level, Math.floor(from / spanOf(level)), slotsBetween(from, to, level));
}

interface TapeSource {
  /** Adds what is sealed of sessions from `first` to `last`. */
  fold(within: Within, first: number, last: number, into: Fold): void;
  foldSegments(within: Within, into: Fold): void;
}

function prepareTapes(database: Database): TapeSource {
  const visible = visibleIn(database).of('session');
  const tapesWithin = database.prepare<[...Within, first: number, last: number], TapeRow>(
    `SELECT session, ${hasRetention(database) ? 'first' : '0 AS first'}, chunks, full FROM tapes
     WHERE market = ? AND session = ifnull(?, session) AND last_time >= ? AND first_time < ?
       AND session BETWEEN ? AND ?${visible} ORDER BY session`,
  );
  const chunkAt = database.prepare<[market: number, session: number, seq: number], NodeRow>(
    'SELECT first_time, last_time, level, bars FROM chunks WHERE market = ? AND session = ? AND seq = ?',
  );
  const nodeAt = database.prepare<[market: number, session: number, height: number, place: number], NodeRow>(
    `SELECT first_time, last_time, level, bars FROM pyramid
     WHERE market = ? AND session = ? AND height = ? AND place = ?`,
  );
  const bodyAt = database.prepare<
    [market: number, session: number, seq: number],
    { readonly count: number; readonly body: Uint8Array }
  >('SELECT count, body FROM chunks WHERE market = ? AND session = ? AND seq = ?');
  const segmentsWithin = database.prepare<
    [session: number | null, from: number, to: number],
    { readonly count: number; readonly body: Uint8Array }
  >(
    `SELECT count, body FROM segments
     WHERE session = ifnull(?, session) AND last_time >= ? AND first_time < ?${visible} ORDER BY first_row`,
  );

  /** The 2^height chunks from place * 2^height on; of height 0 a chunk. */
  function addNode(market: number, session: number, height: number, place: number, into: Fold): void {
    const node =
      height === 0 ? chunkAt.get(market, session, place) : nodeAt.get(market, session, height, place);
    if (node !== undefined) {
      if (node.last_time < into.from || node.first_time >= into.to) return;
      if (node.level <= into.level) {
        into.addBars(decodeBars(node.bars, node.level));
        return;
      }
    }
    if (height > 0) {
      addNode(market, session, height - 1, place * 2, into);
      addNode(market, session, height - 1, place * 2 + 1, into);
      return;
    }
    const trades = bodyAt.get(market, session, place);
    if (trades === undefined) throw new DamagedPiece(`a run of trades is missing`);
    addBody(new ChunkBody(trades.body, trades.count), market, into);
  }

  return {
    fold(within, first, last, into) {
      const [market] = within;
      for (const { session, first: oldest, chunks, full } of tapesWithin.all(...within, first, last)) {
        for (let seq = oldest; seq < full;) {
          const height = heightAt(seq, full);
          addNode(market, session, height, seq / 2 ** height, into);
          seq += 2 ** height;
        }
        for (let seq = full; seq < chunks; seq++) addNode(market, session, 0, seq, into);
      }
    },
    foldSegments([market, session, from, to], into) {
      for (const { body, count } of segmentsWithin.iterate(session, from, to)) {
        addBody(new ChunkBody(body, count), market, into);
      }
    },
  };
}

/** Of the highest part of the pyramid that begins with chunk `seq` and ends within the first `full`. */
function heightAt(seq: number, full: number): number {
  let height = 0;
  while (seq % 2 ** (height + 1) === 0 && seq + 2 ** (height + 1) <= full) height++;
  return height;
}

function addBody(body: ChunkBody, market: number, into: Fold): void {
  const of = body.markets.indexOf(market);
  if (of === -1) return;
  const markets = body.market();
  const times = body.exchangeTime();
  const price = body.price(markets);
  const size = body.size();
  for (let index = 0; index < body.count; index++) {
    if (markets[index] !== of) continue;
    into.addTrade(times[index] ?? 0, numberAt(price, index), numberAt(size, index));
  }
}

/** The worst of what is known of the trades in each bucket, as an index into BUCKET_COVERAGE. */
function prepareWorst(database: Database): (within: Within, fold: Fold) => Uint8Array {
  const deleted = hasRetention(database) ? 'ifnull(trades_until, 0)' : '0';
  const sessionsWithin = database.prepare<
    [session: number | null, from: number, to: number],
    { readonly id: number; readonly deleted: Micros }
  >(
    `SELECT id, ${deleted} AS deleted FROM sessions
     WHERE id = ifnull(?, id) AND covered > ? AND started * 1000 < ?${visibleIn(database).row} ORDER BY id`,
  );
  const states = database.prepare<
    [session: number, market: number],
    { readonly start: number; readonly stop: number; readonly state: CoverageState }
  >(
    `SELECT start, coverage.state, lead(start, 1, covered) OVER (ORDER BY start) AS stop
     FROM coverage JOIN sessions ON sessions.id = coverage.session
     WHERE session = ? AND market = ? AND endpoint = 'trades' ORDER BY start`,
  );
  return ([market, session, from, to], { length, level, start }) => {
    const span = spanOf(level);
    const worst = new Uint8Array(length);
    const add = (state: CoverageState, since: Micros, until: Micros): void => {
      if (until <= since) return;
      const rank = BUCKET_COVERAGE.indexOf(state);
      const last = Math.min(length, Math.ceil(until / span) - start);
      for (let at = Math.max(0, Math.floor(since / span) - start); at < last; at++) {
        if (rank > (worst[at] ?? 0)) worst[at] = rank;
      }
    };
    for (const { id, deleted: cut } of sessionsWithin.all(session, from, to)) {
      for (const { start: since, stop, state } of states.iterate(id, market)) {
        add('off', since, Math.min(stop, cut));
        add(state, Math.max(since, cut), stop);
      }
    }
    return worst;
  };
}

/** @param worst of each bucket, as an index into BUCKET_COVERAGE; null: nothing is known */
export function packBuckets({ bars, length, level, start }: Fold, worst: Uint8Array | null): BucketPage {
  const floats = new Float64Array(length * BUCKET_FIELDS);
  const span = spanOf(level);
  let at = 0;
  for (let bucket = 0; bucket < length; bucket++) {
    const count = bars.count[bucket] ?? 0;
    const volume = bars.volume[bucket] ?? 0;
    floats[at++] = ((start + bucket) * span) / 1000;
    for (const column of [bars.open, bars.high, bars.low, bars.close]) {
      floats[at++] = count === 0 ? NaN : (column[bucket] ?? 0);
    }
    floats[at++] = volume;
    floats[at++] = volume === 0 ? NaN : (bars.notional[bucket] ?? 0) / volume;
    floats[at++] = count;
    floats[at++] = worst?.[bucket] ?? 0;
  }
  return { span, count: length, bytes: new Uint8Array(floats.buffer) };
}
