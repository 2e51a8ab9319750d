/** Run in a process of its own by keychain.test.ts: does the named steps one after the other and tells how each went. */
import { spawnSync } from 'node:child_process';
import { createKeychain } from '../../main/core/keychain.ts';
import { QuipuError } from '../../main/core/result.ts';
import { keytarInChild } from '../../main/headless/keytar-child.ts';

const keychain = createKeychain({ load: (over) => Promise.resolve(keytarInChild(over)) });

const STEPS: Readonly<Record<string, () => Promise<unknown>>> = {
  get: () => keychain.get(),
  set: () => keychain.set('a key with 10^3 characters? no'),
  forget: () => keychain.forget(),
  lock: async () => {
    const collection = '/org/freedesktop/secrets/collection/login';
    const { status, stderr } = spawnSync('gdbus', [
      ...[
        'call',
        '--session',
        '--dest',
        'org.freedesktop.secrets',
        '--object-path',
        '/org/freedesktop/secrets',
      ],
      ...['--method', 'org.freedesktop.Secret.Service.Lock', `[objectpath '${collection}']`],
    ]);
    if (status !== 0) throw new Error(stderr.toString());
    return null;
  },
};

for (const name of process.argv.slice(2)) {
  const begun = performance.now();
  let told: Record<string, unknown>;
  try {
    told = { value: (await STEPS[name]?.()) ?? null };
  } catch (error) {
    if (!(error instanceof QuipuError)) throw error;
    told = { kind: error.kind, message: error.message, action: error.action };
  }
  console.log(JSON.stringify({ name, ms: Math.round(performance.now() - begun), ...told }));
}
