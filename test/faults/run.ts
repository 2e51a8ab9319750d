/**
 * `npm run faults [-- NAME]... [--count N] [--seed N] [--only N,N]`: the proofs that are too long for the
 * tests. Without a name, all of them.
 */
import { parseArgs } from 'node:util';
import { CRASHES } from './crash/harnesses.ts';
import { disconnects } from './disconnects.ts';
import type { Harness } from './harness.ts';

const HARNESSES: readonly Harness[] = [disconnects, ...CRASHES];
const USAGE = [
  'npm run faults [-- NAME]... [--count N] [--seed N] [--only N,N (disconnects)]',
  ...HARNESSES.map(({ name, about }) => `  ${name}: ${about}`),
].join('\n');

function parsed(): { names: readonly string[]; options: ReadonlyMap<string, string>; help: boolean } {
  const whole = { type: 'string' } as const;
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, count: whole, seed: whole, only: whole },
  });
  const { help = false, ...given } = values;
  const wrong = Object.entries(given).find(([, value]) => !/^\d+(,\d+)*$/.test(value));
  if (wrong !== undefined) throw new Error(`--${wrong[0]} wants a whole number.`);
  const unknown = positionals.filter((name) => !HARNESSES.some((harness) => harness.name === name));
  if (unknown.length > 0) throw new Error(`There is no proof ${unknown.join(', ')}.`);
  return { names: positionals, options: new Map(Object.entries(given)), help };
}

let asked: ReturnType<typeof parsed>;
try {
  asked = parsed();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exit(2);
}
if (asked.help) {
  console.log(USAGE);
  process.exit(0);
}
const { names, options } = asked;

let failed = false;
for (const { name, about, whole } of HARNESSES) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`${name}: ${about}`);
  if (!(await whole(options, (line) => console.log(`  ${line}`)))) failed = true;
}
process.exit(failed ? 1 : 0);
