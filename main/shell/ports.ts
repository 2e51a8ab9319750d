/** What the core needs of the world, in the desktop. */
import { join } from 'node:path';
import { createKeychain } from '../core/keychain.ts';
import type { Logger, Ports } from '../core/ports.ts';
import { createWsSocket } from '../core/session/ws-socket.ts';
import { startDemoWorker } from '../demo/handle.ts';
import { keytarInUtility } from './keytar-child.ts';
import { systemClock } from '../core/system-clock.ts';

/** @param scripts folder of the bundled scripts of threads and processes */
export function desktopPorts(scripts: string, logger: Logger): Ports {
  const keytar = join(scripts, 'keytar-process.cjs');
  return {
    clock: systemClock,
    logger,
    secrets: createKeychain({ load: (over) => Promise.resolve(keytarInUtility(keytar, over)) }),
    sockets: createWsSocket,
    fetch: globalThis.fetch,
    workerScript: (name) => join(scripts, `${name}-worker.cjs`),
    startDemoFeed: () =>
      startDemoWorker(join(scripts, 'demo-worker.cjs'), {}, (error) => {
        logger.log('error', 'the demo feed ended', { message: error.message });
      }),
  };
}
