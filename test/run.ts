/**
 * `npm test`: makes ready what may be made ready, runs every test, and closes with one line that
 * counts them. Arguments are handed to vitest.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { assertNode } from '../build/assert-node.ts';
import { bundleAll } from '../build/bundle.ts';
import { findProgram, keytarLoads, NEEDS } from './needs.ts';

const root = resolve(import.meta.dirname, '..');

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): number {
  const { status } = spawnSync(program, args, {
    stdio: 'inherit',
    cwd: root,
    env,
    shell: process.platform === 'win32',
  });
  return status ?? 1;
}

/** Installs what is lacking where this may: as root, on a system with apt-get. */
function prepare(): void {
  if (process.platform !== 'linux') return;
  let missing = NEEDS.filter((need) => !need.present());
  if (missing.length > 0 && process.getuid?.() === 0 && findProgram('apt-get') !== null) {
    const packages = [...new Set(missing.map(({ debian }) => debian))];
    console.log(`Installing what the tests need: ${packages.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['-qq', 'update'], env);
    run('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', ...packages], env);
    missing = NEEDS.filter((need) => !need.present());
  }
  for (const { what, debian, tests } of missing) {
    console.log(`Lacking: ${what} (Debian's ${debian}). Skipped for it: ${tests}.`);
  }
  if (!keytarLoads() && !missing.some(({ debian }) => debian === 'libsecret-1-dev')) {
    // npm drops an optional dependency that could not be built, which was before its headers came.
    const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };
    run('npm', ['install', '--no-save', `keytar@${optionalDependencies['keytar'] ?? ''}`]);
  }
}

interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

assertNode();
prepare();
await bundleAll();

const reportFile = join(root, 'test-results', 'vitest.json');
mkdirSync(join(root, 'test-results'), { recursive: true });
rmSync(reportFile, { force: true });
const status = run('vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportFile}`,
  ...process.argv.slice(2),
]);

const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
const count = (...states: string[]): number =>
  tests.filter(({ status: state }) => states.includes(state)).length;
// A file that fails before its first test counts as one failure, or it would be counted as nothing.
const broken = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
);
for (const { name } of broken) console.log(`Failed to load: ${name.slice(root.length + 1)}`);
const skipped = tests.filter(({ status: state }) => state !== 'passed' && state !== 'failed');
for (const { fullName } of skipped) console.log(`Skipped: ${fullName}`);
const failed = count('failed') + broken.length;
console.log(`${count('passed')} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(status !== 0 || failed > 0 ? 1 : 0);
