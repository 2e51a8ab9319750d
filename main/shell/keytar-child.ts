/**
 * keytar's process in the desktop: Electron's utility process, which needs no `runAsNode` fuse and has its
 * script in the archive, as the app has.
 */
import { utilityProcess } from 'electron';
import type { Keytar } from '../core/keychain.ts';
import { withoutKey } from '../core/environment.ts';
import { endedEarly, type KeytarAnswer, type KeytarCall, keytarBy } from '../core/keytar-call.ts';

/** @param script the bundle of keytar-process.ts @param over ends the process of a call that is not waited for */
export function keytarInUtility(script: string, over: AbortSignal): Keytar {
  return keytarBy((call) => ask(script, call, over));
}

function ask(script: string, call: KeytarCall, over: AbortSignal): Promise<KeytarAnswer> {
  return new Promise((resolve, reject) => {
    const child = utilityProcess.fork(script, [], {
      serviceName: 'Quipu keychain',
      stdio: 'ignore',
      env: withoutKey(process.env),
    });
    child.once('message', (answer: KeytarAnswer) => {
      resolve(answer);
      child.kill();
    });
    child.once('exit', (code) => reject(endedEarly(`exit code ${code}`)));
    over.addEventListener('abort', () => child.kill(), { once: true });
    child.postMessage(call);
  });
}
