/** Obeys a policy that deletes all trades, says when it begins, and ends when that is done. */
import { KEEP_ALL } from '../../../main/core/contract.ts';
import { openStore } from '../../../main/core/store/open.ts';

export const RETAINED_MARKETS = ['a', 'b', 'c', 'd'];

async function retain(folder: string): Promise<void> {
  const store = await openStore({
    folder,
    workerScript: (name) => new URL(`../../../main/core/store/${name}-worker.ts`, import.meta.url),
  });
  await store.setRetention({ ...KEEP_ALL, tradesDays: 1 });
  process.stdout.write('begun\n');
  while (await store.isRetaining()) await new Promise((done) => setTimeout(done, 5));
  await store.close();
}

const [, script, folder] = process.argv;
if (script === import.meta.filename && folder !== undefined) await retain(folder);
