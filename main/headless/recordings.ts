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

/**
 * Writes an export, and says on stderr what of the session retention deleted: before it, and while it was
 * written.
 */
export async function exportWithNotice(
  store: Store,
  session: number,
  of: 'trades' | 'candles',
  write: () => Promise<void>,
): Promise<void> {
  const deletedUntil = async (): Promise<number | null> => {
    const summary = (await store.sessions()).find(({ id }) => id === session);
    return summary?.deleted?.[`${of}Until`] ?? null;
  };
  const say = (words: string): void => void process.stderr.write(`quipu: ${words}\n`);
  const before = await deletedUntil();
  if (before !== null) {
    say(`the ${of} of session ${session} until ${isoOf(before)} were deleted by retention.`);
  }
  await write();
  const after = await deletedUntil();
  if (after !== before && after !== null) {
    say(
      `while this was written, retention deleted the ${of} until ${isoOf(after)}: some of them are in it, others are not.`,
    );
  }
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

export function sessionOption(text: string | undefined): number {
  if (text === undefined)
    throw new UsageError('Say which session: --session ID (`quipu sessions` lists them).');
  return wholeOption('session', text, 1, Number.MAX_SAFE_INTEGER);
}
