/**
 * The view's end of the bridge: commands by name, typed by the contract, and the core's events.
 * Written against `ClientChannel` alone, so that it is the same over every transport.
 */
import type {
  ClientChannel,
  CommandArgs,
  CommandName,
  CommandValue,
  CoreEvent,
} from '../../main/core/contract.ts';
import { fail } from '../../main/core/result.ts';
import type { Result } from '../../main/core/result.ts';

export interface Client {
  /**
   * Runs a command. Never throws and never rejects: what went wrong is the result's error, of kind
   * `closed` when the bridge was lost before the answer came.
   */
  call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<Result<CommandValue<N>>>;
  /** Events that came before the first listener are kept for it. Returns the way to stop listening. */
  onEvent(listener: (event: CoreEvent) => void): () => void;
  /** Called once, with words for the screen; at once when the bridge is gone already. */
  onClose(listener: (why: string) => void): void;
  close(): void;
}

type Settle = (result: Result<unknown>) => void;

/** A client over `channel`, which it takes over. */
export function createClient(channel: ClientChannel): Client {
  const pending = new Map<number, Settle>();
  const listeners = new Set<(event: CoreEvent) => void>();
  const closeListeners: ((why: string) => void)[] = [];
  let early: CoreEvent[] = [];
  let lastId = 0;
  let closed: string | null = null;

  channel.onMessage((message) => {
    if (closed !== null) return;
    if (message.kind === 'reply') {
      const settle = pending.get(message.id);
      pending.delete(message.id);
      settle?.(message.result);
      return;
    }
    if (listeners.size === 0) early.push(message.event);
    for (const listener of listeners) listener(message.event);
  });
  channel.onClose(end);

  function end(why: string): void {
    if (closed !== null) return;
    closed = why;
    const waiting = [...pending.values()];
    pending.clear();
    for (const settle of waiting) settle(fail('closed', why));
    for (const listener of closeListeners) listener(why);
  }

  return {
    call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<Result<CommandValue<N>>> {
      if (closed !== null) return Promise.resolve(fail('closed', closed));
      const id = ++lastId;
      return new Promise((resolve) => {
        // The one place where an answer takes the type that the contract gives its command: both
        // ends are built from the same contract, whose version the snapshot carries.
        pending.set(id, resolve as Settle);
        try {
          channel.send({ id, command: name, args });
        } catch (thrown) {
          pending.delete(id);
          resolve(fail('closed', thrown instanceof Error ? thrown.message : 'The bridge is gone.'));
        }
      });
    },
    onEvent(listener) {
      listeners.add(listener);
      const kept = early;
      early = [];
      for (const event of kept) listener(event);
      return () => listeners.delete(listener);
    },
    onClose(listener) {
      if (closed !== null) listener(closed);
      else closeListeners.push(listener);
    },
    close() {
      end('This view closed the bridge.');
      channel.close();
    },
  };
}
