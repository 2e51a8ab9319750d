/** simdjson from npm, which is no dependency of the project: only when somebody put it where it is found. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Unavailable } from './harness.ts';

/** @throws {Unavailable} */
export function loadSimdjson(): { parse: (text: string) => unknown } {
  const folder = process.env['QUIPU_BENCH_MODULES'] ?? import.meta.dirname;
  try {
    return createRequire(join(folder, 'x.js'))('simdjson') as { parse: (text: string) => unknown };
  } catch {
    throw new Unavailable('simdjson is not installed; QUIPU_BENCH_MODULES may name a folder that has it');
  }
}
