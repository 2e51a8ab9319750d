/** The packaged app under test: made, started, and looked into. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { createCore } from '../../main/core/core.ts';
import type { FeedAddresses } from '../../main/core/ports.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { findProgram, keytarLoads } from '../needs.ts';
import { findTestElectron, type TestPackage } from '../compat/build.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
/** Chromium's sandbox refuses to run as root, which is what CI is. */
const ARGS = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

/** What the machine lacks for these tests, or null. */
export function lacking(): string | null {
  if (process.platform !== 'linux') return 'they need Linux';
  const programs = ['Xvfb', 'dbus-daemon', 'gnome-keyring-daemon', 'gdbus'];
  const missing = programs.filter((name) => findProgram(name) === null);
  if (!existsSync('/usr/lib/python3/dist-packages/dbusmock')) missing.push('python3-dbusmock');
  if (!keytarLoads()) missing.push('keytar');
  if (findTestElectron() === null) missing.push('an Electron (QUIPU_TEST_ELECTRON)');
  return missing.length === 0 ? null : `lacking ${missing.join(', ')}`;
}

/** The package under test, made in a process of its own: the test runner's environment would change what is bundled. */
export async function testPackage(): Promise<TestPackage> {
  const env = { ...process.env };
  for (const name of ['NODE_ENV', 'VITEST', 'NODE_OPTIONS']) delete env[name];
  const script = join(ROOT, 'test', 'compat', 'build.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: ROOT, env });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as TestPackage;
}

/** @returns the packaged program's path */
export async function packagedApp(): Promise<string> {
  return (await testPackage()).program;
}

export interface RunningApp {
  readonly app: ElectronApplication;
  readonly page: Page;
  /** Of the page: what it threw, and what it wrote as errors. */
  readonly errors: readonly string[];
  /** Resolves with its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

type Environment = Readonly<Record<string, string>>;

export async function startApp(
  executablePath: string,
  env: Environment,
  args: readonly string[] = [],
): Promise<RunningApp> {
  const app = await _electron.launch({
    executablePath,
    args: [...ARGS, ...args],
    env: { ...env },
    timeout: 60_000,
  });
  const ended = new Promise<number | NodeJS.Signals | null>((done) =>
    app.process().once('exit', (code, signal) => done(code ?? signal)),
  );
  const page = await app.firstWindow();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  return { app, page, errors, ended };
}

/** Starts the program once more beside a running one. @returns its exit code */
export function startAgain(
  executablePath: string,
  env: Environment,
  args: readonly string[] = [],
): Promise<number | null> {
  return new Promise((done, failed) => {
    const child = spawn(executablePath, [...ARGS, ...args], { env: { ...env }, stdio: 'ignore' });
    child.once('error', failed);
    child.once('exit', done);
  });
}

/** Starts the program with arguments that it cannot read, and ends it. @returns what it wrote of them */
export function startWrongly(
  executablePath: string,
  env: Environment,
  args: readonly string[],
): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(executablePath, [...ARGS, ...args], {
      env: { ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.once('error', failed);
    // Other lines are Chromium's own.
    createInterface(child.stderr).on('line', (line) => {
      if (line.startsWith('[')) return;
      // Its dialog waits for a hand.
      child.once('exit', () => done(line));
      child.kill('SIGKILL');
    });
  });
}

/** Records a moment with that watchlist, so that a start of the app has it. */
export async function keepWatchlist(
  folder: string,
  addresses: FeedAddresses,
  key: string,
  markets: readonly string[],
): Promise<void> {
  const core = await createCore({
    host: 'desktop',
    version: '0',
    folder,
    addresses,
    environmentKey: key,
    ports: { ...nodePorts(), logger: { log: () => undefined } },
  });
  await core.resume();
  await new Promise<void>((done) => {
    const client = core.connect((message) => {
      if (message.kind === 'reply') done();
    });
    client.request({ id: 1, command: 'watch.set', args: { markets } });
  });
  await core.close();
}

/** What the keyring of that session has for Quipu, asked by another program. */
export async function keyInKeyring(env: Environment): Promise<string | null> {
  const question =
    "require('keytar').getPassword('Quipu', 'inca-api-key').then((key) => console.log(JSON.stringify(key)))";
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', question], {
    cwd: ROOT,
    env: { ...env },
  });
  return JSON.parse(stdout) as string | null;
}

/** The files under `folder` that hold `text`, in UTF-8 or UTF-16. */
export function filesWith(folder: string, text: string): string[] {
  const wanted = [Buffer.from(text, 'utf8'), Buffer.from(text, 'utf16le')];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return wanted.some((each) => bytes.includes(each));
    });
}

/** Whether `text` is anywhere in the JavaScript of the page. */
export async function isInPage(page: Page, text: string): Promise<boolean> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('').includes(text);
}
