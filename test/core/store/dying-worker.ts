/** Stands for a thread of the store that dies: it opens, and ends at the next request. */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', ({ id, name }: { id: number; name: string }) => {
  if (name === 'open') parentPort?.postMessage({ id, ok: true, value: null });
  else process.exit(3);
});
