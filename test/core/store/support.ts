/** Temporary folders and stores in them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { AppError } from '../../../main/core/result.ts';
import { QuipuError, toAppError } from '../../../main/core/result.ts';
import { openStore } from '../../../main/core/store/open.ts';
import type { Store, StoreOptions } from '../../../main/core/store/store.ts';

export * from './rows.ts';

const folders: string[] = [];
const stores: Store[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close().catch(() => undefined)));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Taken away after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quipu-store-'));
  folders.push(folder);
  return folder;
}

export function workerScript(name: 'writer' | 'reader'): URL {
  return new URL(`../../../main/core/store/${name}-worker.ts`, import.meta.url);
}

/** Closed after the test. */
export async function open(folder: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore({ folder, workerScript, ...options });
  stores.push(store);
  return store;
}

export async function allOf<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}

/** The error with which something fails, as a plain object, since matchers compare exceptions loosely. */
export async function failureOf(run: Promise<unknown> | (() => unknown)): Promise<AppError> {
  try {
    await (typeof run === 'function' ? run() : run);
  } catch (error) {
    if (error instanceof QuipuError) return toAppError(error);
    throw error;
  }
  throw new Error('it did not fail');
}
