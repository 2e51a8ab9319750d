/**
 * `npm run faults [-- NAME] [--OPTION VALUE]...`: the proofs that are too long for the tests. Without a
 * name, all of them.
 */
import { CRASHES } from './crash/harnesses.ts';
import { disconnects } from './disconnects.ts';
import type { Harness } from './harness.ts';

const HARNESSES: readonly Harness[] = [disconnects, ...CRASHES];

const names: string[] = [];
const options = new Map<string, string>();
const given = process.argv.slice(2);
while (given.length > 0) {
  const word = given.shift() ?? '';
  if (word.startsWith('--')) options.set(word.slice(2), given.shift() ?? '');
  else names.push(word);
}
const unknown = names.filter((name) => !HARNESSES.some((harness) => harness.name === name));
if (unknown.length > 0) {
  console.error(`There is no proof ${unknown.join(', ')}. There are:`);
  for (const { name, about } of HARNESSES) console.error(`  ${name}: ${about}`);
  process.exit(2);
}

let failed = false;
for (const { name, about, whole } of HARNESSES) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`${name}: ${about}`);
  if (!(await whole(options, (line) => console.log(`  ${line}`)))) failed = true;
}
process.exit(failed ? 1 : 0);
