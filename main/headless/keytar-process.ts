/** The process of keytar-child.ts: does one call, answers, and ends. */
import { loadKeytar } from '../core/keychain.ts';
import { ok, type Result, toAppError } from '../core/result.ts';
import type { KeytarCall } from './keytar-child.ts';

// By SIGKILL: an ordinary exit would wait for a native call that waits for the user.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.once('message', (request: KeytarCall) => {
  void answer(request).then((result) => process.send?.(result, () => process.disconnect()));
});

async function answer({ method, args }: KeytarCall): Promise<Result<unknown>> {
  try {
    const keytar = await loadKeytar();
    const [service = '', account = '', password = ''] = args;
    switch (method) {
      case 'getPassword':
        return ok(await keytar.getPassword(service, account));
      case 'setPassword':
        return ok(await keytar.setPassword(service, account, password));
      case 'deletePassword':
        return ok(await keytar.deletePassword(service, account));
    }
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
}
