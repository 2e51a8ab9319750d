import type { WorkerName } from '../../main/core/ports.ts';

/** The store's threads from source. */
export function workerScript(name: WorkerName): URL {
  return new URL(`../../main/core/store/${name}-worker.ts`, import.meta.url);
}
