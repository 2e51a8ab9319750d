/** Records until it is killed; says after each commit how many were acknowledged. */
import { candle, commitOf, trade } from './rows.ts';
import { openStore } from '../../../main/core/store/open.ts';

export const CRASH_BATCH = 100;

async function recordForever(folder: string): Promise<void> {
  const store = await openStore({
    folder,
    workerScript: (name) => new URL(`../../../main/core/store/${name}-worker.ts`, import.meta.url),
  });
  const started = Date.now();
  const { id: session } = await store.beginSession(started);
  let acknowledged = 0;
  for (let batch = 0; ; batch++) {
    const rows = Array.from({ length: CRASH_BATCH }, (_, n) =>
      trade({ id: `${batch * CRASH_BATCH + n}`, receiptTime: (started + batch) * 1000 + n }),
    );
    const candles = [candle({ start: batch * 60_000_000, receiptTime: (started + batch) * 1000 })];
    const done = store.commit(commitOf(session, rows, candles)).then(() => {
      acknowledged++;
      process.stdout.write(`${acknowledged}\n`);
    });
    // Some commits are under way at any time.
    if (batch % 3 === 2) await done;
  }
}

const folder = process.argv[2];
if (process.argv[1] === import.meta.filename && folder !== undefined) await recordForever(folder);
