/** The durable store alone, fed from memory as fast as it takes. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { copyOf, memoryOf, type TradeColumns } from '../../../main/core/flow/batch.ts';
import { closeWritten, openForWriting } from '../../../main/core/store/database.ts';
import { openStore } from '../../../main/core/store/open.ts';
import type { Store } from '../../../main/core/store/store.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { workerScript } from '../../helpers/workers.ts';
import { take } from '../frames.ts';
import { BYTES, type Contender, type Form, type Row } from '../harness.ts';
import { columnsOf, MARKET_IDS, plainTable, recordedTrades, sizeOf } from '../recorded.ts';
import { Stopwatch } from '../stopwatch.ts';

/** What the recorder commits at once. */
const COMMIT = 5_000;
const TRANSACTION = 1_000;
/** Commits on their way, as in a recording that is ahead of its disk. */
const AHEAD = 8;

function countOf({ full }: Form): number {
  return full ? 2_000_000 : 300_000;
}

/** As the recorder hands them over; `AHEAD` of them are on their way. */
export async function commitAll(
  store: Store,
  session: number,
  commits: readonly TradeColumns[],
): Promise<void> {
  const waiting: Promise<unknown>[] = [];
  for (const trades of commits) {
    if (waiting.length === AHEAD) await waiting.shift();
    waiting.push(store.commit({ session, markets: MARKET_IDS, trades, candles: [], gaps: [] }));
  }
  await Promise.all(waiting);
}

export function commitsOf(count: number): TradeColumns[] {
  const trades = recordedTrades();
  return Array.from({ length: count / COMMIT }, () => columnsOf(trades, COMMIT));
}

const PLAIN = 'a plain table, 1,000 a transaction';
const PLAIN_FILE = 'the same bytes into a plain file';

const plain: Contender = async (form) => {
  const count = countOf(form);
  const { database, insert } = plainTable(join(form.folder, 'plain.db'), false);
  const groups = Array.from({ length: count / TRANSACTION });
  const trades = recordedTrades();
  const rows = groups.map(() => take(trades, TRANSACTION));
  const watch = new Stopwatch();
  for (const group of rows) insert(group);
  const sample = watch.stop(count);
  database.close();
  return { ...sample, notes: { [BYTES]: sizeOf(form.folder) / count } };
};

export const durable: Row = {
  name: 'store',
  stage: 'durable store alone, a burst: what is committed, before it is sealed',
  unit: 'trade',
  contenders: {
    [PLAIN]: plain,
    [PLAIN_FILE]: async (form) => {
      const count = countOf(form);
      const commits = commitsOf(count).map((trades) => memoryOf(copyOf(trades)));
      const file = openSync(join(form.folder, 'plain'), 'w');
      const watch = new Stopwatch();
      for (const memory of commits) {
        writeSync(file, new Uint8Array(memory));
        fdatasyncSync(file);
      }
      const sample = watch.stop(count);
      closeSync(file);
      return { ...sample, notes: { [BYTES]: sizeOf(form.folder) / count } };
    },
    ours: async (form) => {
      const count = countOf(form);
      const commits = commitsOf(count);
      const store = await openStore({ folder: form.folder, workerScript });
      const { id } = await store.beginSession(Date.now());
      const watch = new Stopwatch();
      await commitAll(store, id, commits);
      const sample = watch.stop(count);
      await store.close();
      return { ...sample, notes: { [BYTES]: sizeOf(form.folder) / count } };
    },
  },
  limits: [PLAIN_FILE],
  against: PLAIN,
  must: 2,
  shall: 3,
  bytes: { share: 1 / 3 },
};

export const sealed: Row = {
  name: 'store-sealed',
  stage: 'durable store alone, all of its work: committed and sealed',
  unit: 'trade',
  contenders: {
    [PLAIN]: plain,
    // In this thread, since what the store's own seals later it does with rests between.
    ours: async (form) => {
      const count = countOf(form);
      const commits = commitsOf(count);
      const { database } = openForWriting(form.folder, Date.now(), () => undefined);
      const writer = createWriter(database);
      const session = writer.beginSession(Date.now()).id;
      const watch = new Stopwatch();
      for (const trades of commits) {
        writer.commit({ session, markets: MARKET_IDS, trades, candles: [], gaps: [] });
        if (writer.sealer.due === 'now') writer.sealer.seal();
      }
      writer.endSession(session, Date.now());
      while (writer.sealer.due !== 'no') writer.sealer.seal();
      const sample = watch.stop(count);
      closeWritten(database);
      return { ...sample, notes: { [BYTES]: sizeOf(form.folder) / count } };
    },
  },
  against: PLAIN,
  must: 2,
  shall: 3,
  bytes: { share: 1 / 3 },
};
