/**
 * The demo feed as a worker thread, so that its work does not slow the thread that draws or
 * records. Told its options by `workerData`; posts one `WorkerReport`; ends when it is posted 'close'.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toAppError } from '../core/result.ts';
import type { DemoFeedOptions } from './feed.ts';
import { startDemoFeed } from './feed.ts';
import type { WorkerReport } from './handle.ts';

const port = parentPort;
if (port === null) throw new Error('demo/worker.ts runs as a worker thread only');

const report = (message: WorkerReport): void => port.postMessage(message);

startDemoFeed(workerData as DemoFeedOptions).then(
  (feed) => {
    port.on('message', (message: unknown) => {
      if (message === 'close') void feed.close().then(() => port.close());
    });
    report({ type: 'ready', port: feed.port, addresses: feed.addresses });
  },
  (thrown: unknown) => {
    report({ type: 'error', ...toAppError(thrown) });
  },
);
