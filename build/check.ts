/** `npm run check`: types, lint, format and components; ends at the first that fails. */
import { spawnSync } from 'node:child_process';

const CHECKS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['types', ['tsc', '-b']],
  ["types of the renderer's tests", ['tsc', '-p', 'test/renderer']],
  [
    'components',
    ['svelte-check', '--tsconfig', 'renderer/tsconfig.json', '--fail-on-warnings', '--output', 'human'],
  ],
  ['lint', ['eslint', '.', '--max-warnings', '0']],
  ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
];

for (const [name, [program = '', ...args]] of CHECKS) {
  console.log(`check: ${name}`);
  // npm puts node_modules/.bin first in PATH; a shell finds the .cmd of Windows too.
  const { status } = spawnSync(program, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) {
    console.error(`check: ${name} failed`);
    process.exit(1);
  }
}
console.log('check: all clean');
