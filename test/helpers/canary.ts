/** Looks for a key everywhere that it must not be. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';

/** As it is, in UTF-16 as V8 and SQLite may have it, and as a server or a file may write it. */
function formsOf(key: string): Buffer[] {
  const bytes = Buffer.from(key, 'utf8');
  const base64 = bytes.toString('base64').replace(/.?=*$/, '');
  const texts = [
    key,
    JSON.stringify(key).slice(1, -1),
    encodeURIComponent(key),
    base64,
    bytes.toString('hex'),
  ];
  return [Buffer.from(key, 'utf16le'), ...texts.map((text) => Buffer.from(text))];
}

/** Whether the bytes hold the key in any of its forms. */
export function holdsKey(bytes: Uint8Array | string, key: string): boolean {
  const buffer = Buffer.from(bytes as Uint8Array);
  return formsOf(key).some((form) => buffer.includes(form));
}

/** The files under `folder` that hold the key; whatever is there, as logs, databases, their journals and backups. */
export function filesWithKey(folder: string, key: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => holdsKey(readFileSync(path), key));
}

/** Arguments and environments of a process and all that it started, that hold the key. Linux alone. */
export function processesWithKey(pid: number, key: string): string[] {
  return family(pid).flatMap((each) =>
    ['cmdline', 'environ']
      .map((file) => `/proc/${each}/${file}`)
      .filter((path) => {
        try {
          return holdsKey(readFileSync(path), key);
        } catch {
          // It ended, or is another user's.
          return false;
        }
      }),
  );
}

/** A process and its descendants, of those that are there now. */
export function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // Its name is in brackets and may hold anything.
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [pid];
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child);
  return found;
}

/** The page's JavaScript heap, after what nobody holds any more was let go of. */
export async function heapOf(session: CDPSession): Promise<string> {
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('');
}
