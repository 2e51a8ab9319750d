/**
 * `npm run fuzz [-- SEED]`: a million damaged frames at the decoder, then 10,000 wrong calls of every
 * command by each way to the core. A failure names the seed.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const SEED = process.argv[2] ?? String(Date.now() % 2 ** 31);
const PROOFS: readonly (readonly [file: string, count: string])[] = [
  ['fuzz-decode.ts', '1000000'],
  ['../contract/fuzz-commands.ts', '10000'],
];

for (const [file, count] of PROOFS) {
  const script = resolve(import.meta.dirname, file);
  const { status } = spawnSync(process.execPath, [script, count, SEED], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
