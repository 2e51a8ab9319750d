/** What the core needs of the world, under plain Node. */
import { createKeychain } from '../core/keychain.ts';
import type { Logger, LogLevel, Ports } from '../core/ports.ts';
import { cleanWords } from '../core/protocol/words.ts';
import { createWsSocket } from '../core/session/ws-socket.ts';
import { systemClock } from '../core/system-clock.ts';
import { everyStep } from '../core/store/progress.ts';
import type { StoreProgress } from '../core/store/store.ts';
import { startDemoWorker } from '../demo/handle.ts';
import { keytarInChild } from './keytar-child.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * One line a message on stderr, so that stdout keeps to what a command promises.
 *
 * @param level the least that is told, as QUIPU_LOG names it; `warn` when it names none
 */
export function stderrLogger(level: string | undefined): Logger {
  const named = LEVELS.findIndex((each) => each === level);
  const least = named < 0 ? LEVELS.indexOf('warn') : named;
  return {
    log(at, message, detail) {
      if (LEVELS.indexOf(at) < least) return;
      const more = detail === undefined ? '' : ` ${JSON.stringify(detail)}`;
      process.stderr.write(`${new Date().toISOString()} ${at} ${cleanWords(message + more, 2_000)}\n`);
    },
  };
}

/** Tells on stderr, in steps of a tenth, how far an opening that takes long has come. */
export function openingProgress(): (progress: StoreProgress) => void {
  return everyStep(0.1, (words) => process.stderr.write(`quipu: ${words}\n`));
}

/** Ports for all hosts under plain Node, run from the source. */
export function nodePorts(): Ports {
  const logger = stderrLogger(process.env['QUIPU_LOG']);
  return {
    clock: systemClock,
    logger,
    secrets: createKeychain({ load: (over) => Promise.resolve(keytarInChild(over)) }),
    sockets: createWsSocket,
    fetch: globalThis.fetch,
    workerScript: (name) => new URL(`../core/store/${name}-worker.ts`, import.meta.url),
    startDemoFeed: () =>
      startDemoWorker(new URL('../demo/worker.ts', import.meta.url), {}, (error) =>
        logger.log('error', 'the demo feed ended', { message: error.message }),
      ),
  };
}
