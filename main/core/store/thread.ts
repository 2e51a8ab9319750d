/** The main thread's side of a worker: requests by id, errors thrown as they were there. */
import { Worker } from 'node:worker_threads';
import { QuipuError } from '../result.ts';
import type { RequestMap, StoreEvent, ThreadReply, ThreadRequest } from './requests.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QuipuError) => void;
}

export class Thread<R extends RequestMap<R>> {
  readonly #name: string;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  /** Why nothing more can be asked. */
  #ended: QuipuError | null = null;

  /**
   * @param script absolute path or file URL of the worker's script
   * @param told what the worker tells unasked
   */
  constructor(name: string, script: string | URL, told: (event: StoreEvent) => void) {
    this.#name = name;
    this.#worker = new Worker(script);
    this.#worker.on('message', (message: ThreadReply | StoreEvent) => {
      if ('event' in message) told(message);
      else this.#settle(message);
    });
    this.#worker.on('messageerror', (error) => this.#end(error.message));
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error.message : String(error)));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#end(`it exited with ${code}`);
        resolve();
      });
    });
  }

  /** @throws {QuipuError} what the thread threw; kind `storage` when it died, `closed` after `stop` */
  call<N extends keyof R & string>(
    name: N,
    args: R[N]['args'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<R[N]['value']> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const request: ThreadRequest = { id: this.#nextId++, name, args };
    return new Promise<unknown>((resolve, reject) => {
      // Throws when the arguments cannot be sent, and then nothing waits.
      this.#worker.postMessage(request, transfer);
      this.#pending.set(request.id, { resolve, reject });
    });
  }

  /** Fails what still waits with kind `closed`. Resolves when the thread is gone. */
  async stop(): Promise<void> {
    this.#fail(new QuipuError('closed', 'The store is closed.'));
    await this.#worker.terminate();
    await this.#exited;
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.ok) pending?.resolve(reply.value);
    else pending?.reject(new QuipuError(reply.error.kind, reply.error.message, reply.error.action));
  }

  #end(why: string): void {
    this.#fail(
      new QuipuError(
        'storage',
        `The thread that is the store's ${this.#name} stopped (${why}).`,
        'Start Quipu again.',
      ),
    );
  }

  #fail(error: QuipuError): void {
    this.#ended ??= error;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}
