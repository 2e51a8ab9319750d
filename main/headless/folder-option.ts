import { resolve } from 'node:path';
import { dataFolder } from '../core/folders.ts';
import { UsageError } from './exit.ts';

/** `--data-dir`, else QUIPU_DATA_DIR, else the platform's folder. */
export function folderOption(given: string | undefined): string {
  if (given === '') throw new UsageError('--data-dir needs the name of a folder.');
  return given === undefined ? dataFolder() : resolve(given);
}
