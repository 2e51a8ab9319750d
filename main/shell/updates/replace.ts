/** Puts a downloaded AppImage in the place of the one that runs. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { QuipuError } from '../../core/result.ts';

const BLOCK = 1024 * 1024;
const AGAIN = 'Choose Check for updates to download it again.';

export interface Replacement {
  /** The AppImage that runs. */
  readonly file: string;
  /** The new one, which goes. */
  readonly arrived: string;
  /** What the feed promised of it, in Base64 or hex. */
  readonly sha512: string;
}

/**
 * In one step: whatever happens, a whole Quipu has the name. The name stays, since menus, links and the start
 * at log-in have it. The new one is judged once more, since it may have lain there for weeks, and nothing of
 * it is run.
 *
 * @throws {QuipuError} saying what to do, or the file system's error; the old one is as it was
 */
export function replaceAppImage({ file, arrived, sha512 }: Replacement): void {
  let place = dirname(file);
  let next: string | null = null;
  try {
    const target = realpathSync(file);
    place = dirname(target);
    const beside = join(place, `.${basename(target)}.new`);
    rmSync(beside, { force: true });
    const from = openArrived(arrived);
    try {
      const to = openSync(beside, 'wx', statSync(target).mode & 0o777);
      next = beside;
      try {
        copyChecked(from, to, sha512);
        fsyncSync(to);
      } finally {
        closeSync(to);
      }
    } finally {
      closeSync(from);
    }
    renameSync(beside, target);
    next = null;
  } catch (error) {
    // What is not what was promised will not become so.
    if (error instanceof QuipuError && error.kind === 'refused') remove(arrived);
    throw inWords(error, place);
  } finally {
    if (next !== null) remove(next);
  }
  remove(arrived);
}

function openArrived(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new QuipuError('not-found', 'The downloaded update is not there any more.', AGAIN);
  }
}

function copyChecked(from: number, to: number, sha512: string): void {
  const hash = createHash('sha512');
  const block = Buffer.alloc(BLOCK);
  for (;;) {
    const length = readSync(from, block, 0, BLOCK, null);
    if (length === 0) break;
    hash.update(block.subarray(0, length));
    for (let at = 0; at < length;) at += writeSync(to, block, at, length - at);
  }
  const digest = hash.digest();
  if (digest.toString('base64') === sha512 || digest.toString('hex') === sha512) return;
  throw new QuipuError(
    'refused',
    'The downloaded update is not what the feed of updates promised, and was thrown away.',
    AGAIN,
  );
}

function inWords(error: unknown, place: string): unknown {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new QuipuError(
      'storage',
      'The disk is too full for the update.',
      'Make room, then choose Check for updates.',
    );
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new QuipuError(
      'storage',
      `Quipu may not write in ${place}, where its AppImage lies.`,
      'Move it into a folder of yours, start it from there, then choose Check for updates.',
    );
  return error;
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}

/** Litter is no reason to say that it failed. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    return;
  }
}
