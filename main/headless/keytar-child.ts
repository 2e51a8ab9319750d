/**
 * keytar in a process of its own, one for each call. A locked keyring waits for the user without end,
 * in native code; in this process that would hold up even its exit, since Node waits for its threads.
 */
import { fork } from 'node:child_process';
import type { Keytar } from '../core/keychain.ts';
import { QuipuError, type Result } from '../core/result.ts';

/** Sent to the child: by IPC, since others could read its arguments. */
export interface KeytarCall {
  readonly method: keyof Keytar;
  readonly args: readonly string[];
}

export const keytarInChild: Keytar = {
  getPassword: (...args) => call<string | null>({ method: 'getPassword', args }),
  setPassword: (...args) => call<void>({ method: 'setPassword', args }),
  deletePassword: (...args) => call<boolean>({ method: 'deletePassword', args }),
};

function call<T>(request: KeytarCall): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./keytar-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
    });
    // A child that waits must not keep this process; it ends itself when this one is gone.
    child.unref();
    child.channel?.unref();
    child.once('message', (result: Result<T>) => {
      if (result.ok) resolve(result.value);
      else reject(errorOf(result.error));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`its process ended (${signal ?? `exit code ${code}`})`)),
    );
    child.send(request);
  });
}

function errorOf({
  kind,
  message,
  action,
}: {
  kind: QuipuError['kind'];
  message: string;
  action?: string;
}): Error {
  return kind === 'internal' ? new Error(message) : new QuipuError(kind, message, action);
}
