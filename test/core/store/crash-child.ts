/** Records until it is killed; says after each commit how many were acknowledged. */
import { candle, commitOf, trade } from './rows.ts';
import { openStore } from '../../../main/core/store/open.ts';

export const CRASH_BATCH = 100;
/** So many that what was committed is being sealed nearly all the time. */
export const SEALING_BATCH = 5_000;
export const CRASH_MARKETS = ['a', 'b', 'c'];

async function recordForever(folder: string, trades: number): Promise<void> {
  const store = await openStore({
    folder,
    workerScript: (name) => new URL(`../../../main/core/store/${name}-worker.ts`, import.meta.url),
  });
  const started = Date.now();
  const { id: session } = await store.beginSession(started);
  let acknowledged = 0;
  for (let batch = 0; ; batch++) {
    const rows = Array.from({ length: trades }, (_, n) =>
      trade({
        market: CRASH_MARKETS[n % CRASH_MARKETS.length] ?? '',
        id: `${batch * trades + n}`,
        exchangeTime: (started + batch) * 1000,
        receiptTime: (started + batch) * 1000 + n,
      }),
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

const [, script, folder, trades] = process.argv;
if (script === import.meta.filename && folder !== undefined) await recordForever(folder, Number(trades));
