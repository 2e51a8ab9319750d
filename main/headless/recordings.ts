/** The cache, for commands that only read it: beside a running Quipu too. */
import { openStore } from '../core/store/open.ts';
import type { Store } from '../core/store/store.ts';
import { UsageError } from './exit.ts';
import { wholeOption } from './command.ts';
import { nodePorts } from './ports.ts';

/** Opens the folder's cache for reading, and closes it after. @throws {QuipuError} kind `storage` */
export async function withRecordings<T>(folder: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ folder, workerScript: nodePorts().workerScript, readOnly: true });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

export function sessionOption(text: string | undefined): number {
  if (text === undefined)
    throw new UsageError('Say which session: --session ID (`quipu sessions` lists them).');
  return wholeOption('session', text, 1, Number.MAX_SAFE_INTEGER);
}
