/** The few things that the store asks of the file system itself. */
import { closeSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';

const COPIED_AT_ONCE = 8 * 1024 * 1024;

/** In bytes; null when there is no such file. Never opens it: closing a file drops SQLite's locks on it. */
export function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Without it a power loss could take back a renaming, and with it every commit since. */
export function syncFolder(folder: string): void {
  // Windows opens no folders, and keeps renamings in its own log.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Copies a file that nobody writes to, and returns when the copy is on disk.
 *
 * @param tell called with the share that is done, 0 to 1
 * @throws what the file system throws; the copy is then incomplete
 */
export function copyDurably(from: string, to: string, tell: (share: number) => void): void {
  const source = openSync(from, 'r');
  try {
    const target = openSync(to, 'w');
    try {
      const total = Math.max(1, sizeOf(from) ?? 0);
      const buffer = Buffer.allocUnsafe(COPIED_AT_ONCE);
      let done = 0;
      for (let read = readSync(source, buffer); read > 0; read = readSync(source, buffer)) {
        for (let at = 0; at < read;) at += writeSync(target, buffer, at, read - at);
        done += read;
        tell(Math.min(1, done / total));
      }
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}
