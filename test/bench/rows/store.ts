/** The durable store alone, fed from memory as fast as it takes. */
import { closeSync, fdatasyncSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { buffersOf } from '../../../main/core/flow/batch.ts';
import { openStore } from '../../../main/core/store/open.ts';
import { workerScript } from '../../helpers/workers.ts';
import { take } from '../frames.ts';
import { type Form, type Row } from '../harness.ts';
import { columnsOf, MARKET_IDS, plainTable, recordedTrades } from '../recorded.ts';
import { Stopwatch } from '../stopwatch.ts';

/** What the recorder commits at once. */
const COMMIT = 5_000;
const TRANSACTION = 1_000;
/** Commits on their way, as in a recording that is ahead of its disk. */
const AHEAD = 8;

function countOf({ full }: Form): number {
  return full ? 2_000_000 : 300_000;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0);
}

export const durable: Row = {
  name: 'store',
  stage: 'durable store alone',
  unit: 'trade',
  contenders: {
    'a plain table, 1,000 a transaction': async (form) => {
      const count = countOf(form);
      const { database, insert } = plainTable(join(form.folder, 'plain.db'), false);
      const groups = Array.from({ length: count / TRANSACTION });
      const trades = recordedTrades();
      const rows = groups.map(() => take(trades, TRANSACTION));
      const watch = new Stopwatch();
      for (const group of rows) insert(group);
      const sample = watch.stop(count);
      database.close();
      return { ...sample, notes: { 'bytes a trade': sizeOf(form.folder) / count } };
    },
    'the same bytes into a plain file': async (form) => {
      const count = countOf(form);
      const trades = recordedTrades();
      const commits = Array.from({ length: count / COMMIT }, () => buffersOf(columnsOf(trades, COMMIT)));
      const file = openSync(join(form.folder, 'plain'), 'w');
      const watch = new Stopwatch();
      for (const buffers of commits) {
        for (const buffer of buffers) writeSync(file, new Uint8Array(buffer));
        fdatasyncSync(file);
      }
      const sample = watch.stop(count);
      closeSync(file);
      return { ...sample, notes: { 'bytes a trade': sizeOf(form.folder) / count } };
    },
    ours: async (form) => {
      const count = countOf(form);
      const trades = recordedTrades();
      const commits = Array.from({ length: count / COMMIT }, () => columnsOf(trades, COMMIT));
      const store = await openStore({ folder: form.folder, workerScript });
      const { id } = await store.beginSession(Date.now());
      const watch = new Stopwatch();
      const waiting: Promise<unknown>[] = [];
      for (const columns of commits) {
        if (waiting.length === AHEAD) await waiting.shift();
        waiting.push(
          store.commit({ session: id, markets: MARKET_IDS, trades: columns, candles: [], gaps: [] }),
        );
      }
      await Promise.all(waiting);
      const sample = watch.stop(count);
      await store.close();
      return { ...sample, notes: { 'bytes a trade': sizeOf(form.folder) / count } };
    },
  },
  against: 'a plain table, 1,000 a transaction',
  must: 2,
  shall: 3,
};
