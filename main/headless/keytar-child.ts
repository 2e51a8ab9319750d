/** keytar's process under plain Node. */
import { fork } from 'node:child_process';
import type { Keytar } from '../core/keychain.ts';
import { endedEarly, type KeytarAnswer, type KeytarCall, keytarBy, withoutKey } from '../core/keytar-call.ts';

export const keytarInChild: Keytar = keytarBy(ask);

function ask(call: KeytarCall): Promise<KeytarAnswer> {
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
    child.send(call);
  });
}
