/** A worker thread's side of the requests: one after the other, in the order in which they were sent. */
import { parentPort } from 'node:worker_threads';
import type { QuipuError } from '../result.ts';
import { toAppError } from '../result.ts';
import type { RequestMap, StoreEvent, ThreadReply, ThreadRequest } from './requests.ts';
import type { SlowQueries, SlowQuery } from './slow-queries.ts';

export type Handlers<R extends RequestMap<R>> = {
  readonly [N in keyof R]: (args: R[N]['args']) => R[N]['value'];
};

/**
 * Answers the main thread's requests. The buffer of a value's `bytes` is handed over, not copied.
 *
 * @param explain makes of what a handler threw what the user is told
 * @param queries watches the databases of the handlers
 */
export function serve<R extends RequestMap<R>>(
  handlers: Handlers<R>,
  explain: (thrown: unknown) => QuipuError,
  queries: () => SlowQueries,
): void {
  const port = parentPort;
  if (port === null) throw new Error('This script is a worker thread of the store.');
  const byName = new Map(Object.entries(handlers) as [string, (args: unknown) => unknown][]);
  port.on('message', ({ id, name, args }: ThreadRequest) => {
    const answer = (): ThreadReply => {
      try {
        const handler = byName.get(name);
        if (handler === undefined) throw new Error(`The store knows no request named ${name}.`);
        return { id, ok: true, value: handler(args) };
      } catch (error) {
        return { id, ok: false, error: toAppError(explain(error)) };
      }
    };
    // The answer first: whoever waits for it needs no plan of a query.
    const { value: reply, slow } = queries().run(name, answer);
    port.postMessage(reply, reply.ok ? buffersIn(reply.value) : []);
    tellSlow(slow);
  });
}

/** Tells the main thread something that it did not ask for. Before the answer to what is being handled. */
export function tell(event: StoreEvent): void {
  parentPort?.postMessage(event);
}

/** Tells of what `SlowQueries.run` found, if anything. */
export function tellSlow(slow: (() => SlowQuery) | null): void {
  if (slow !== null) tell({ event: 'slow', query: slow() });
}

function buffersIn(value: unknown): ArrayBuffer[] {
  if (typeof value !== 'object' || value === null || !('bytes' in value)) return [];
  const { bytes } = value;
  return bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}
