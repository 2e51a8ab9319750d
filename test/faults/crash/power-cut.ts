/** A loss of power, simulated: what a process wrote and had not synced is taken back, or a part of it. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const HEAD = 1 + 5 * 8;

interface Change {
  readonly kind: string;
  readonly offset: number;
  readonly length: number;
  readonly sizeBefore: number;
  readonly old: Buffer;
}

/** Compiles the library to preload. @throws {Error} with the compiler's words */
export function buildPowerCut(folder: string): string {
  const library = join(folder, 'power-cut.so');
  const source = join(import.meta.dirname, 'power-cut.c');
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`power-cut.c could not be compiled: ${stderr}`);
  return library;
}

/** Of the environment of the process whose power will be cut. */
export function powerCutEnvironment(library: string, folder: string, log: string): Record<string, string> {
  return { LD_PRELOAD: library, QUIPU_CUT_FOLDER: folder, QUIPU_CUT_LOG: log };
}

/**
 * Leaves the folder's files as a disk might have them after a loss of power at the moment when the process
 * died: what was synced is there; of the rest each write is there or not, as `keeps` says, in any mixture.
 *
 * @returns how many writes were taken back
 */
export function cutPower(folder: string, log: string, keeps: () => boolean): number {
  const changes = unsynced(log);
  let taken = 0;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    // Shared memory is no file on a disk.
    if (name.endsWith('-shm')) rmSync(path);
    if (!existsSync(path) || !statSync(path).isFile()) continue;
    const own = changes.get(statSync(path).ino);
    if (own !== undefined) taken += takeBack(path, own, keeps);
  }
  return taken;
}

function takeBack(path: string, changes: readonly Change[], keeps: () => boolean): number {
  const file = openSync(path, 'r+');
  try {
    // Back to what was synced, keeping what each write had put there.
    const made: { readonly change: Change; readonly bytes: Buffer }[] = [];
    for (const change of changes.toReversed()) {
      const bytes = Buffer.alloc(change.length);
      const read = readSync(file, bytes, 0, change.length, change.offset);
      made.unshift({ change, bytes: bytes.subarray(0, read) });
      writeSync(file, change.old, 0, change.old.length, change.offset);
      ftruncateSync(file, change.sizeBefore);
    }
    let taken = 0;
    for (const { change, bytes } of made) {
      if (!keeps()) taken++;
      else if (change.kind === 'T') ftruncateSync(file, change.offset);
      else writeSync(file, bytes, 0, bytes.length, change.offset);
    }
    return taken;
  } finally {
    closeSync(file);
  }
}

/** By inode, in their order, those after its last sync. A last record that was cut off says nothing. */
function unsynced(log: string): Map<number, Change[]> {
  const changes = new Map<number, Change[]>();
  const bytes = readFileSync(log);
  for (let at = 0; at + HEAD <= bytes.length;) {
    const number = (n: number): number => Number(bytes.readBigUInt64LE(at + 1 + n * 8));
    const [inode, offset, length, sizeBefore, oldLength] = [
      number(0),
      number(1),
      number(2),
      number(3),
      number(4),
    ];
    const kind = String.fromCharCode(bytes[at] ?? 0);
    const end = at + HEAD + oldLength;
    if (end > bytes.length) break;
    if (kind === 'S') changes.delete(inode);
    else {
      const old = bytes.subarray(at + HEAD, end);
      const own = changes.get(inode) ?? [];
      own.push({ kind, offset, length, sizeBefore, old });
      changes.set(inode, own);
    }
    at = end;
  }
  return changes;
}
