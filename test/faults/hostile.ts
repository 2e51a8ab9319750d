import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { atEnd } from './link.ts';

export interface Hostile {
  readonly process: ChildProcess;
  readonly url: string;
}

/** Starts hostile-server.ts in one of its modes; it is killed after the last test of the file. */
export async function hostileServer(mode: string): Promise<Hostile> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hostile-server.ts'), mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  atEnd(() => void child.kill('SIGKILL'));
  const [bytes] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, url: `ws://127.0.0.1:${bytes.toString().trim()}/ws/trades` };
}
