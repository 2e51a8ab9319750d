/**
 * Keeps one client open over a transport: opens it, and opens it again with growing pauses when it
 * is lost.
 */
import type { ClientChannel, Millis } from '../../main/core/contract.ts';
import { createClient } from './client.ts';
import type { Client } from './client.ts';

/** A way to the core. */
export interface Transport {
  /** One new pipe. @throws {Error} with words for the screen */
  open(): Promise<ClientChannel>;
}

export type BridgeState =
  | { readonly phase: 'opening' }
  | { readonly phase: 'open' }
  | {
      readonly phase: 'lost';
      readonly why: string;
      /** When the next attempt is due; null while one is under way. */
      readonly retryAt: Millis | null;
      readonly attempt: number;
    };

export interface BridgeListener {
  state(state: BridgeState): void;
  /** A fresh client; nothing of the one before it means anything any more. */
  client(client: Client): void;
}

export interface Bridge {
  /** Skips the pause before the next attempt. */
  retryNow(): void;
  close(): void;
}

const FIRST_PAUSE_MS = 500;
// The host counts wrong tokens of all pages together: tabs of an earlier start must stay below that.
const LONGEST_PAUSE_MS = 30_000;

/** How long to wait before attempt `attempt` (from 1), in milliseconds. */
export function pauseBefore(attempt: number): Millis {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10));
}

/** Opens `transport` and keeps it open until `close`. */
export function keepOpen(transport: Transport, listener: BridgeListener): Bridge {
  let client: Client | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let attempt = 0;
  let stopped = false;

  function lost(why: string): void {
    if (stopped) return;
    client = null;
    attempt++;
    const pause = pauseBefore(attempt);
    listener.state({ phase: 'lost', why, retryAt: Date.now() + pause, attempt });
    timer = setTimeout(() => {
      timer = null;
      listener.state({ phase: 'lost', why, retryAt: null, attempt });
      void open();
    }, pause);
  }

  async function open(): Promise<void> {
    let channel: ClientChannel;
    try {
      channel = await transport.open();
    } catch (thrown) {
      lost(thrown instanceof Error ? thrown.message : String(thrown));
      return;
    }
    if (stopped) {
      channel.close();
      return;
    }
    client = createClient(channel);
    // Only what the core sends shows that it is well: a pipe that opens and closes again at once
    // must not start the pauses anew.
    const stop = client.onEvent(() => {
      attempt = 0;
      stop();
    });
    listener.state({ phase: 'open' });
    listener.client(client);
    client.onClose(lost);
  }

  listener.state({ phase: 'opening' });
  void open();

  return {
    retryNow() {
      if (timer === null) return;
      clearTimeout(timer);
      timer = null;
      void open();
    },
    close() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      client?.close();
    },
  };
}
