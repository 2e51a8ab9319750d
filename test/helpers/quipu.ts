/** Starts the real command line, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const root = resolve(import.meta.dirname, '..', '..');

export interface Quipu {
  readonly process: ChildProcess;
  /** Resolves with the first line of stdout; rejects with stderr when the process ends before. */
  readonly firstLine: Promise<string>;
  /** Resolves when it has ended, with all that it wrote. */
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** SIGTERM, then waits. */
  stop(): Promise<void>;
}

/** Nothing of the environment that a developer may have set reaches the process, but PATH and HOME. */
export function quipu(args: readonly string[], env: Readonly<Record<string, string>> = {}): Quipu {
  const child = spawn(process.execPath, [join(root, 'main/headless/quipu.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
  const firstLine = new Promise<string>((done, failed) => {
    createInterface(child.stdout).once('line', done);
    void ended.then(({ code }) => failed(new Error(`quipu ${args.join(' ')} ended with ${code}: ${stderr}`)));
  });
  // Not everyone waits for a line.
  firstLine.catch(() => undefined);
  return {
    process: child,
    firstLine,
    ended,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
}

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'quipu-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
