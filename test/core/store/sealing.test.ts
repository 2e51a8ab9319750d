/** When and how what has gathered becomes chunks. What is read of them is in model.test.ts and buckets.test.ts. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { CHUNK_TRADES } from '../../../main/core/store/chunk.ts';
import { openForReading, openForWriting } from '../../../main/core/store/database.ts';
import { storageError } from '../../../main/core/store/errors.ts';
import { createReader, type Reader } from '../../../main/core/store/reader.ts';
import { createWriter, type Writer } from '../../../main/core/store/writer.ts';
import { makeOld } from './old.ts';
import { allOf, commitOf, open, temporaryFolder, trade, variedTrades } from './support.ts';

interface Both {
  readonly folder: string;
  readonly database: Database.Database;
  readonly writer: Writer;
  readonly reader: Reader;
  /** Until nothing is due. */
  readonly sealAll: () => void;
}

/** Without threads and with a session. */
function openBoth(): Both {
  const folder = temporaryFolder();
  const { database } = openForWriting(folder, 0, () => undefined);
  // There is no power loss in these tests, and many commits.
  database.pragma('synchronous = OFF');
  const reading = openForReading(folder);
  if (reading === null) throw new Error('no database');
  const both = writing({ folder, database, reader: createReader(reading, () => true) });
  both.writer.beginSession(1);
  return both;
}

/** With a writer that has committed nothing yet. */
function writing({ folder, database, reader }: Omit<Both, 'writer' | 'sealAll'>): Both {
  const writer = createWriter(database);
  return {
    ...{ folder, database, writer, reader },
    sealAll() {
      writer.sealer.finish();
      while (writer.sealer.due !== 'no') writer.sealer.seal();
    },
  };
}

function idsOf(reader: Reader): string[] {
  const ids: string[] = [];
  const range = reader.sessionRows(1, 'trades') ?? { after: 0, last: 0 };
  for (let { after } = range; after < range.last;) {
    const step = reader.trades({ after, last: range.last }, { session: 1, market: null, since: null });
    ids.push(...step.rows.map(({ id }) => id));
    after = step.after;
  }
  return ids;
}

const upTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`);

function countOf(database: Database.Database, table: string): number {
  return database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? NaN;
}

describe('sealing is due', () => {
  test('when enough trades have gathered, when enough commits have, and when a session is over', () => {
    const { writer, sealAll } = openBoth();
    const { sealer } = writer;
    writer.commit(commitOf(1, variedTrades(20_000)));
    expect(sealer.due).toBe('no');
    writer.commit(commitOf(1, variedTrades(20_000)));
    expect(sealer.due).toBe('now');
    sealAll();
    expect(sealer.due).toBe('no');
    for (let n = 0; n < 511; n++) writer.commit(commitOf(1, [trade()]));
    expect(sealer.due).toBe('no');
    writer.commit(commitOf(1, [trade()]));
    expect(sealer.due).toBe('now');
    sealAll();
    writer.commit(commitOf(1, [trade()]));
    expect(sealer.due).toBe('no');
    writer.endSession(1, 2);
    expect(sealer.due).toBe('later');
    sealer.seal();
    expect(sealer.due).toBe('no');
  });

  test('the later, the more markets there are, and overdue at last', () => {
    const { writer } = openBoth();
    const { sealer } = writer;
    const commit = (): void => void writer.commit(commitOf(1, rows, [], { markets: [...names] }));
    const names = Array.from({ length: 40 }, (_, n) => `m${n}`);
    const rows = variedTrades(16_000).map((each, n) => ({ ...each, market: names[n % 40] ?? '' }));
    for (let n = 0; n < 8; n++) commit();
    expect(sealer.due).toBe('no');
    commit();
    expect(sealer.due).toBe('now');
    for (let n = 0; n < 56; n++) commit();
    expect(sealer.due).toBe('now');
    commit();
    expect(sealer.due).toBe('overdue');
    sealer.seal();
    expect(sealer.due).toBe('now');
    while (sealer.due === 'now') sealer.seal();
    expect(sealer.due).toBe('no');
  });

  test('of what an earlier run left', () => {
    const { folder, database, writer } = openBoth();
    writer.commit(commitOf(1, [trade()]));
    database.close();
    const again = openForWriting(folder, 0, () => undefined).database;
    const { sealer } = createWriter(again);
    expect(sealer.due).toBe('later');
    sealer.seal();
    expect(sealer.due).toBe('no');
    expect([countOf(again, 'segments'), countOf(again, 'chunks')]).toEqual([0, 1]);
    again.close();
  });

  test('of nothing that failed', () => {
    const { writer } = openBoth();
    for (let n = 0; n < 600; n++) expect(() => writer.commit(commitOf(7, [trade()]))).toThrow();
    expect(writer.sealer.due).toBe('no');
  });
});

describe('chunks', () => {
  test('are few for a market that trades little', () => {
    const { database, reader, writer, sealAll } = openBoth();
    const most: number[] = [];
    for (let n = 0; n < 400; n++) {
      writer.commit(commitOf(1, [trade({ id: `${n}` })]));
      sealAll();
      most.push(countOf(database, 'chunks'));
    }
    expect(Math.max(...most)).toBeLessThanOrEqual(10);
    expect(idsOf(reader)).toEqual(upTo(400));
  });

  test('are full for one that trades much, and then never written again', () => {
    const { database, reader, writer, sealAll } = openBoth();
    const list = database.prepare<[], { id: number; seq: number; count: number }>(
      'SELECT id, seq, count FROM chunks ORDER BY seq',
    );
    const sizes = [5_000, 300, 2_000, 9_000, 1, 4_097, 700, 700, 700, 4_000];
    let total = 0;
    let before: { id: number; count: number }[] = [];
    for (const size of sizes) {
      writer.commit(commitOf(1, variedTrades(size, total)));
      total += size;
      sealAll();
      const chunks = list.all();
      const full = chunks.filter(({ count }) => count >= CHUNK_TRADES * 0.75);
      expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, seq) => seq));
      expect(chunks.slice(0, full.length)).toEqual(full);
      expect(full.slice(0, before.length)).toEqual(before);
      expect(Math.max(...chunks.map(({ count }) => count))).toBeLessThanOrEqual(CHUNK_TRADES);
      before = full;
    }
    expect(before.length).toBeGreaterThan(5);
    expect(idsOf(reader)).toEqual(upTo(total));
  });

  test('take a third of the room of rows', () => {
    const { database, writer, sealAll } = openBoth();
    const uuid = (n: number): string =>
      `${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')}-83a0-4ad1-9f00-${String((n * 7_919) % 1e12).padStart(12, '0')}`;
    for (let first = 0; first < 40_000; first += 5_000) {
      writer.commit(
        commitOf(
          1,
          variedTrades(5_000, first).map((each, n) => ({ ...each, id: uuid(first + n) })),
        ),
      );
    }
    sealAll();
    const used =
      Number(database.pragma('page_count', { simple: true })) -
      Number(database.pragma('freelist_count', { simple: true }));
    // 73 bytes are what a plain table takes of such a trade.
    expect((used * 4_096) / 40_000).toBeLessThan(73 / 2.5);
  });
});

describe('what is damaged', () => {
  /** Makes the checksum of the stored body of `where` wrong. */
  function damage(database: Database.Database, table: string, where: string): void {
    const { changes } = database
      .prepare(
        `UPDATE ${table} SET body = CAST(substr(body, 1, 20) || x'ff' || substr(body, 22) AS BLOB) WHERE ${where}`,
      )
      .run();
    expect(changes).toBe(1);
  }

  function failureOfReading({ reader, folder }: Both): string {
    try {
      idsOf(reader);
      return 'none';
    } catch (error) {
      return storageError(error, folder).message;
    }
  }

  test('is told when it is read', () => {
    for (const sealed of [false, true]) {
      const both = openBoth();
      both.writer.commit(commitOf(1, variedTrades(3_000)));
      if (sealed) both.sealAll();
      damage(both.database, sealed ? 'chunks' : 'segments', '1');
      expect(failureOfReading(both)).toMatch(/quipu\.db is damaged \(.*checksum.*\)/);
      const query = { session: 1, market: 'binance-btc-usdt', from: 0, to: 2 ** 52, limit: 9 };
      if (!sealed) expect(() => both.reader.buckets(query)).toThrow(/checksum/);
      expect(() => both.reader.tradePage('binance-btc-usdt', null, 10)).toThrow(/checksum/);
    }
  });

  test('is sealed all the same by the writer that committed it', () => {
    const both = openBoth();
    for (let n = 0; n < 9; n++) both.writer.commit(commitOf(1, variedTrades(100, n * 100)));
    damage(both.database, 'segments', 'first_row = 301');
    expect(failureOfReading(both)).toMatch(/checksum/);
    both.sealAll();
    expect(idsOf(both.reader)).toEqual(upTo(900));
  });

  test('stays where it is, and the rest is sealed', () => {
    const before = openBoth();
    for (let n = 0; n < 9; n++) before.writer.commit(commitOf(1, variedTrades(100, n * 100)));
    damage(before.database, 'segments', 'first_row = 301');
    const both = writing(before);
    both.sealAll();
    const left = both.database.prepare<[], number>('SELECT first_row FROM segments').pluck().all();
    expect(left).toEqual([301]);
    expect(countOf(both.database, 'chunks')).toBe(1);
    expect(failureOfReading(both)).toMatch(/checksum/);
    // A chunk that would be taken into a longer one.
    damage(both.database, 'chunks', '1');
    for (let n = 0; n < 3; n++) {
      both.writer.commit(commitOf(1, variedTrades(2_000, 900 + n * 2_000)));
      both.sealAll();
    }
    const counts = both.database.prepare<[], number>('SELECT count FROM chunks ORDER BY seq').pluck().all();
    expect(counts[0]).toBe(800);
    expect(counts.reduce((sum, count) => sum + count)).toBe(6_800);
  });
});

describe('a store of before, which has rows', () => {
  const TRADES = 20_000;

  async function oldStore(): Promise<string> {
    const folder = temporaryFolder();
    const store = await open(folder);
    const { id } = await store.beginSession(1);
    await store.commit(commitOf(id, variedTrades(TRADES)));
    await store.endSession(id, 2);
    await store.close();
    makeOld(folder, 2);
    return folder;
  }

  test('is sealed while it is recorded into, and reads the same before, meanwhile and after', async () => {
    const folder = await oldStore();
    // A reader that opened it before it was brought up to date.
    const reading = await open(folder, { readOnly: true });
    const all = async (store: typeof reading): Promise<string[]> =>
      (await allOf(store.exportTrades({ session: 1, market: null }))).map(({ id }) => id);
    expect(await all(reading)).toEqual(upTo(TRADES));
    const store = await open(folder);
    const { id } = await store.beginSession(3);
    const look = new Database(join(folder, 'quipu.db'), { readonly: true });
    const rows = (): number => countOf(look, 'trades');
    const seen = new Set<boolean>();
    await expect
      .poll(
        async () => {
          await store.commit(commitOf(id, [trade()]));
          expect(await all(store)).toEqual(upTo(TRADES));
          expect(await all(reading)).toEqual(upTo(TRADES));
          const query = { session: 1, market: 'binance-btc-usdt', from: 0, to: 2 ** 52, limit: 1 };
          const page = await store.buckets(query);
          expect(new Float64Array(page.bytes.buffer)[7]).toBe(TRADES);
          seen.add(rows() > 0);
          return rows();
        },
        { timeout: 20_000, interval: 1 },
      )
      .toBe(0);
    expect(seen.has(false)).toBe(true);
    expect(await all(store)).toEqual(upTo(TRADES));
    look.close();
  });
});
