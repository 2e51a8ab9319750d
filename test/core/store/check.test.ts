/** The check of a store: silent about a whole one, and whatever is spoilt in one is found. */
import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkDatabase, type CheckReport, checkStore } from '../../../main/core/store/check.ts';
import { CHUNK_TRADES } from '../../../main/core/store/chunk.ts';
import { openForReading, replace } from '../../../main/core/store/database.ts';
import type { FaultKind } from '../../../main/core/store/faults.ts';
import { preparePurge } from '../../../main/core/store/purge.ts';
import { prepareRetention } from '../../../main/core/store/retention.ts';
import { makeOld } from './old.ts';
import { commitOf, open, temporaryFolder, variedTrades } from './support.ts';
import { databaseIn, FEW, givenOf, writeWhole } from './whole.ts';

function drain<T>(steps: Generator<number, T, void>, each: () => void = () => undefined): T {
  let last = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    expect(step.value).toBeGreaterThanOrEqual(last);
    last = step.value;
    each();
  }
}

function checked(folder: string, beside = false): CheckReport {
  const database = new Database(databaseIn(folder), { readonly: true });
  try {
    return drain(checkDatabase(database, { beside, chunkTrades: FEW }));
  } finally {
    database.close();
  }
}

let bytes: Buffer;
beforeAll(() => {
  const folder = temporaryFolder();
  writeWhole(folder);
  bytes = readFileSync(databaseIn(folder));
});

function copied(): string {
  const folder = temporaryFolder();
  writeFileSync(databaseIn(folder), bytes);
  return folder;
}

describe('a store of which something was deleted', () => {
  /** Works on a copy, checks it after each portion, and gives its folder when nothing is left to do. */
  function deleting(prepare: (database: Database.Database) => () => boolean): string {
    const folder = copied();
    const database = new Database(databaseIn(folder));
    const portion = prepare(database);
    let portions = 0;
    try {
      for (let more = true; more; portions++) {
        more = portion();
        expect(checked(folder, true).faults).toEqual([]);
      }
    } finally {
      database.close();
    }
    expect(portions).toBeGreaterThan(3);
    return folder;
  }

  /** The first session's oldest trades, then its candles, until `left` of the trades' portions are. */
  const retaining = (database: Database.Database): (() => boolean) => {
    const retention = prepareRetention(database);
    const all = Number.MAX_SAFE_INTEGER;
    return () => retention.trades(1, all, 4_096) || retention.candles(1, all, 300);
  };

  test('by retention, portion by portion, until a session has nothing', () => {
    expect(checked(deleting(retaining)).faults).toEqual([]);
  });

  test('with its session, portion by portion', () => {
    const folder = deleting((database) => () => preparePurge(database, 40).purgePortion(1));
    expect(checked(folder)).toMatchObject({ faults: [], checked: { sessions: 1 } });
  });

  test('and that can be restored', () => {
    const folder = copied();
    const database = new Database(databaseIn(folder));
    database.exec('UPDATE sessions SET removed = 5 WHERE id = 1');
    database.close();
    expect(checked(folder).faults).toEqual([]);
  });

  test.each([
    [
      'where a tape begins',
      'UPDATE tapes SET first = first + 1 WHERE first > 0',
      /has chunk|before the first/,
    ],
    ['how much is gone', 'UPDATE sessions SET trades_deleted = trades_deleted + 1', /trades is \d+, not \d+/],
    ['until when it is gone', 'UPDATE sessions SET trades_until = NULL', /or until when/],
  ])('is spoilt by another word of %s', (_what, sql, words) => {
    const folder = copied();
    const database = new Database(databaseIn(folder));
    const portion = retaining(database);
    portion();
    portion();
    database.exec(sql);
    database.close();
    expect(checked(folder).faults.map(({ what }) => what)).toContainEqual(expect.stringMatching(words));
  });

  test('is salvaged with what is said of it', async () => {
    const folder = copied();
    const database = new Database(databaseIn(folder));
    const portion = retaining(database);
    portion();
    portion();
    database.exec(
      `UPDATE sessions SET name = 'First', pinned = 1 WHERE id = 1; UPDATE sessions SET removed = 5 WHERE id = 2`,
    );
    database.close();
    const summaries = async (): Promise<unknown> => {
      const store = await open(folder, { readOnly: true });
      const told = [await store.sessions(), await store.removedSessions(6)];
      await store.close();
      return told;
    };
    const before = await summaries();
    expect(before).toMatchObject([[{ name: 'First', deleted: { candles: 0 } }], [{ session: { id: 2 } }]]);
    replace(folder, 0, () => undefined);
    // Made anew with chunks of the usual size.
    expect(checkStore(folder, () => undefined)?.faults).toEqual([]);
    expect(await summaries()).toEqual(before);
  });
});

describe('a whole store', () => {
  test.each([false, true])('has no faults, and all of it was looked at (beside a recorder: %s)', (beside) => {
    const { faults, more, checked: looked, version } = checked(copied(), beside);
    expect(faults).toEqual([]);
    expect({ more, version: version !== null }).toEqual({ more: 0, version: true });
    expect(looked).toMatchObject({ trades: 12 * 60 * 2 + 1, rows: 0, candles: 24, sessions: 2 });
    expect(looked.segments).toBe(7);
    expect(looked.chunks).toBeGreaterThan(20);
    // A chunk has bars, and so has each two.
    expect(looked.bars).toBeGreaterThan(looked.chunks + 10);
  });

  test('of an earlier version has none, before and while its rows are sealed', async () => {
    for (const version of [1, 2, 3] as const) {
      const folder = temporaryFolder();
      const store = await open(folder);
      const { id } = await store.beginSession(1_000);
      for (let n = 0; n < 3; n++) await store.commit(commitOf(id, variedTrades(5_000, n * 5_000)));
      await store.endSession(id, 2_000);
      await store.close();
      makeOld(folder, version);
      expect(checkStore(folder, () => undefined)).toMatchObject({
        version,
        faults: [],
        checked: { rows: 15_000 },
      });
      if (version < 3) continue;
      const again = await open(folder);
      await again.beginSession(3_000);
      for (let n = 0; n < 4; n++) {
        expect(checkStore(folder, () => undefined)).toMatchObject({ faults: [] });
      }
    }
  });

  test('has none while it is recorded into and sealed', async () => {
    const folder = temporaryFolder();
    const store = await open(folder);
    const { id } = await store.beginSession(1_000);
    let first = 0;
    const record = async (count: number): Promise<void> => {
      await store.commit(commitOf(id, variedTrades(count, first)));
      first += count;
    };
    for (let n = 0; n < 8; n++) await record(CHUNK_TRADES * 2);
    const database = new Database(databaseIn(folder), { readonly: true });
    for (let round = 0; round < 6; round++) {
      const steps = checkDatabase(database, { beside: true });
      let report: CheckReport | null = null;
      while (report === null) {
        const step = steps.next();
        await record(1_500);
        if (step.done === true) report = step.value;
      }
      expect(report.faults).toEqual([]);
    }
    database.close();
  });

  test('that is none is told', () => {
    expect(checkStore(temporaryFolder(), () => undefined)).toBeNull();
  });
});

describe('what is spoilt is found', () => {
  const cases: readonly [what: string, kind: FaultKind, sql: string, words: RegExp][] = [
    [
      'a chunk’s body',
      'trades',
      `UPDATE chunks SET body = zeroblob(length(body)) WHERE id = 3`,
      /checksum.*; \d+ trades are in it/,
    ],
    ['a chunk’s ids', 'trades', `UPDATE chunks SET ids = substr(ids, 2) WHERE id = 3`, /checksum/],
    [
      'a segment’s body',
      'trades',
      `UPDATE segments SET body = x'01' WHERE first_row = (SELECT max(first_row) FROM segments)`,
      /checksum/,
    ],
    [
      'a chunk of another session',
      'trades',
      `UPDATE chunks SET body = ifnull((SELECT c.body FROM chunks c WHERE c.count = chunks.count AND c.id <> chunks.id), body)`,
      /first_row is/,
    ],
    [
      'a chunk that is there twice',
      'trades',
      `INSERT INTO chunks SELECT 999, market, 2, 900, first_row, last_row, count, first_time, last_time, last_receipt, level, bars, body, ids FROM chunks WHERE id = 3`,
      /rows are elsewhere too/,
    ],
    [
      'a segment that is sealed too',
      'trades',
      `INSERT INTO segments SELECT first_row, last_row, session, count, first_time, last_time, last_receipt, body, ids FROM chunks WHERE id = 5`,
      /rows are elsewhere too/,
    ],
    [
      'a row that is sealed too',
      'trades',
      `INSERT INTO trades VALUES (5, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, '')`,
      /rows are elsewhere too/,
    ],
    ['a chunk that is gone', 'trades', `DELETE FROM chunks WHERE id = 7`, /where \d+ should be|chunks is/],
    ['a tape that is gone', 'trades', `DELETE FROM tapes WHERE market = 1`, /is missing/],
    ['a tape of no chunks', 'trades', `INSERT INTO tapes VALUES (1, 77, 1, 0, 1, 2, 0, 0)`, /has no chunks/],
    ['the full ones of a tape', 'trades', `UPDATE tapes SET full = full - 1`, /full is/],
    ['the time of a tape', 'trades', `UPDATE tapes SET first_time = first_time + 1`, /first_time is/],
    ['the longest of a tape', 'trades', `UPDATE tapes SET longest = 1`, /longest is 1/],
    [
      'the time of a chunk',
      'trades',
      `UPDATE chunks SET last_time = last_time + 1 WHERE id = 3`,
      /last_time is/,
    ],
    ['the receipt of a segment', 'trades', `UPDATE segments SET last_receipt = 1`, /last_receipt is 1/],
    ['the count of a segment', 'trades', `UPDATE segments SET count = count + 1`, /other trades/],
    [
      'bars',
      'bars',
      `UPDATE chunks SET bars = (SELECT p.bars FROM pyramid p WHERE p.level = chunks.level), level = level WHERE level IN (SELECT level FROM pyramid)`,
      /bars that are/,
    ],
    [
      'bars of two',
      'bars',
      `UPDATE pyramid SET bars = (SELECT bars FROM pyramid WHERE id = 2) WHERE id = 1`,
      /bars that are/,
    ],
    ['a bar’s checksum', 'bars', `UPDATE pyramid SET bars = zeroblob(20)`, /checksum/],
    ['a level', 'bars', `UPDATE chunks SET level = level + 1`, /of level/],
    ['bars that are gone', 'bars', `DELETE FROM pyramid WHERE height = 1`, /lacks/],
    ['bars of nothing', 'bars', `UPDATE pyramid SET place = 900 WHERE id = 1`, /not there/],
    ['a market’s name', 'trades', `DELETE FROM markets WHERE id = 1`, /no name/],
    ['a session', 'trades', `DELETE FROM sessions WHERE id = 1`, /is not there/],
    ['a counter of trades', 'session', `UPDATE sessions SET trades = trades + 1`, /trades is 721, not 720/],
    ['a counter of candles', 'session', `UPDATE sessions SET candles = 0`, /candles is 0/],
    ['a counter of gaps', 'session', `UPDATE sessions SET gaps = 9`, /gaps is 9/],
    [
      'where a session begins',
      'session',
      `UPDATE sessions SET first_trade = 2 WHERE id = 1`,
      /first_trade is 2, not 1/,
    ],
    ['a session’s state', 'session', `UPDATE sessions SET state = 'pausing'`, /unknown state/],
    ['a session’s end', 'session', `UPDATE sessions SET ended = 1`, /ends before/],
    [
      'a market that a session does not name',
      'session',
      `DELETE FROM session_markets WHERE market = 2`,
      /does not name/,
    ],
    ['a candle’s price', 'candles', `UPDATE candles SET high = '4x' WHERE row = 2`, /no number/],
    ['a candle’s market', 'candles', `UPDATE candles SET market = 99 WHERE row = 2`, /no name/],
    [
      'coverage before its session',
      'coverage',
      `UPDATE coverage SET start = 5 WHERE market = 1 AND session = 1 AND start = (SELECT min(start) FROM coverage)`,
      /outside/,
    ],
    ['coverage beyond its session', 'coverage', `UPDATE sessions SET covered = covered - 1000000`, /outside/],
    ['coverage of no session', 'coverage', `UPDATE coverage SET session = session + 9`, /not there/],
    ['coverage of an unknown state', 'coverage', `UPDATE coverage SET state = 'fine'`, /unknown/],
    ['a gap', 'links', `UPDATE gaps SET "end" = start - 1`, /cannot be/],
    ['an entry of the journal', 'links', `UPDATE journal SET session = 9`, /not there/],
    ['refusals', 'links', `UPDATE refusals SET samples = '['`, /cannot be/],
    ['a setting', 'settings', `UPDATE settings SET json = '['`, /no JSON/],
    ['an index that is gone', 'schema', `DROP INDEX chunks_by_time`, /not as Quipu makes it/],
    ['a table that is gone', 'schema', `DROP TABLE pyramid`, /missing/],
  ];
  test.each(cases)('%s', (_, kind, sql, words) => {
    const folder = copied();
    const database = new Database(databaseIn(folder));
    database.exec(sql);
    database.close();
    for (const beside of [false, true]) {
      const { faults } = checked(folder, beside);
      expect(
        faults
          .filter((fault) => fault.kind === kind)
          .map(({ what }) => what)
          .join('\n'),
      ).toMatch(words);
      for (const { action, where } of faults) expect([action, where]).not.toContain('');
    }
  });

  test('a list of faults has an end', () => {
    const folder = copied();
    const database = new Database(databaseIn(folder));
    database.exec(
      `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1500)
       INSERT INTO candles (session, market, granularity, start, volume, trades, final, receipt_time, origin)
       SELECT 1, 1, '1m', -n, '1', 0, 7, 0, 0 FROM c`,
    );
    database.close();
    const { faults, more } = checked(folder);
    expect(faults.length).toBe(1_000);
    expect(more).toBeGreaterThanOrEqual(500);
  });

  test('of a file that is none, is cut short or is of a newer Quipu, in words', () => {
    const spoilt: [(folder: string) => void, RegExp][] = [
      [(folder) => writeFileSync(databaseIn(folder), 'no database'.repeat(1_000)), /damaged|not a Quipu/],
      [(folder) => writeFileSync(databaseIn(folder), bytes.subarray(0, 8_192)), /damaged|cut short/],
      [(folder) => writeFileSync(databaseIn(folder), ''), /empty/],
      [(folder) => new Database(databaseIn(folder)).pragma('user_version = 99'), /newer/],
    ];
    for (const [spoil, words] of spoilt) {
      const folder = copied();
      spoil(folder);
      const report = checkStore(folder, () => undefined);
      expect(report).toMatchObject({ version: null, faults: [{ kind: 'file' }] });
      expect(report?.faults[0]?.what).toMatch(words);
    }
  });
});

describe('bytes spoilt at random', () => {
  const MUTANTS = 300;

  test(
    'none throws or hangs, and each that changes what is given of trades is found',
    { timeout: 300_000 },
    () => {
      const given = givenOf(copied());
      expect(given.trades).not.toContain('error');
      expect(given.others).not.toContain('error');
      const random = randomFrom(20_240_115);
      const folder = temporaryFolder();
      const missed: string[] = [];
      let changed = 0;
      for (let n = 0; n < MUTANTS; n++) {
        const spoilt = Buffer.from(bytes);
        const at = Math.floor(random() * spoilt.length);
        const bit = 1 << Math.floor(random() * 8);
        spoilt[at] = (spoilt[at] ?? 0) ^ (n % 3 === 0 ? 1 + Math.floor(random() * 255) : bit);
        writeFileSync(databaseIn(folder), spoilt);
        const { trades, others } = givenOf(folder);
        const report = checkOf(folder);
        if (trades === given.trades && (others === given.others || !others.includes('"error"'))) continue;
        changed++;
        if (report.faults.length === 0) missed.push(`${at}: ${differenceOf(given.trades, trades)}`);
      }
      expect(missed).toEqual([]);
      expect(changed).toBeGreaterThan(MUTANTS / 6);
    },
  );
});

/** As `checkStore`, with chunks as short as those of this store. */
function checkOf(folder: string): Pick<CheckReport, 'faults'> {
  let database: Database.Database | null;
  try {
    database = openForReading(folder);
  } catch {
    return checkStore(folder, () => undefined) ?? { faults: [] };
  }
  if (database === null) return { faults: [] };
  try {
    return drain(checkDatabase(database, { chunkTrades: FEW }));
  } finally {
    database.close();
  }
}

function differenceOf(one: string, other: string): string {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return `${one.slice(at - 40, at + 40)} / ${other.slice(at - 40, at + 40)}`;
}

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
