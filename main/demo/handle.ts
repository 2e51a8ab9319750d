/** Starts the demo feed off the main thread. */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { DemoFeedHandle, FeedAddresses } from '../core/ports.ts';
import type { AppError } from '../core/result.ts';
import { QuipuError } from '../core/result.ts';
import type { DemoFeedOptions } from './feed.ts';
import { DEFAULT_RATE, DEFAULT_SEED } from './options.ts';

/** What the worker posts, once. */
export type WorkerReport =
  | { readonly type: 'ready'; readonly port: number; readonly addresses: FeedAddresses }
  | ({ readonly type: 'error' } & AppError);

/** What can be posted to a thread. */
export type DemoWorkerOptions = Partial<Omit<DemoFeedOptions, 'clock' | 'onTrade'>>;

/** After this the thread is ended even if its sockets have not closed. */
const CLOSE_LIMIT_MS = 2_000;

/**
 * By default: any free port, seed 1, 60 trades a second, a random key, and ids that no earlier
 * start has used (a client remembers the ids of the last minutes, also over a restart).
 *
 * @param script worker.ts, or what it was bundled to
 * @param failed is told when the feed ends by itself after it was ready
 * @throws {QuipuError} as startDemoFeed; `internal` when the thread could not start
 */
export function startDemoWorker(
  script: string | URL,
  options: DemoWorkerOptions = {},
  failed: (error: Error) => void = () => undefined,
): Promise<DemoFeedHandle> {
  const key = options.key ?? randomBytes(16).toString('hex');
  const full: DemoFeedOptions = {
    port: 0,
    seed: DEFAULT_SEED,
    rate: DEFAULT_RATE,
    idOffset: Date.now() * 1_000,
    ...options,
    key,
  };
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData: full });
    const ended = new Promise<void>((settle) => worker.once('exit', () => settle()));
    let ready = false;
    worker.on('error', (thrown: unknown) => {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (ready) failed(error);
      else reject(new QuipuError('internal', `The demo feed could not start: ${error.message}`));
    });
    worker.once('exit', (code) => {
      if (!ready) reject(new QuipuError('internal', `The demo feed ended with code ${code} as it started`));
    });
    worker.once('message', (report: WorkerReport) => {
      if (report.type === 'error') {
        reject(new QuipuError(report.kind, report.message, report.action));
        return;
      }
      ready = true;
      resolve({ addresses: report.addresses, key, close: () => close(worker, ended) });
    });
  });
}

async function close(worker: Worker, ended: Promise<void>): Promise<void> {
  worker.postMessage('close');
  const limit = setTimeout(() => void worker.terminate(), CLOSE_LIMIT_MS);
  await ended;
  clearTimeout(limit);
}
