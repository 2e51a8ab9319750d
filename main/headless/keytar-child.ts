/** keytar's process under plain Node. */
import { fork } from 'node:child_process';
import type { Keytar } from '../core/keychain.ts';
import { withoutKey } from '../core/environment.ts';
import { endedEarly, type KeytarAnswer, type KeytarCall, keytarBy } from '../core/keytar-call.ts';

/** @param over ends the process of a call that is not waited for */
export function keytarInChild(over: AbortSignal): Keytar {
  return keytarBy((call) => ask(call, over));
}

function ask(call: KeytarCall, over: AbortSignal): Promise<KeytarAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./keytar-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: withoutKey(process.env),
      execArgv: [],
    });
    // A child that waits must not keep this process; it ends itself when this one is gone.
    child.unref();
    child.channel?.unref();
    child.once('message', (answer: KeytarAnswer) => resolve(answer));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(endedEarly(signal ?? `exit code ${code}`)));
    over.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
    child.send(call);
  });
}
