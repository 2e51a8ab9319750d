/** Both transports behind one shape: the product's own server end, and a view's end as small as can be. */
import { MessageChannel } from 'node:worker_threads';
import { WebSocket } from 'ws';
import type { ClientChannel, Message } from '../../main/core/contract.ts';
import type { Core } from '../../main/core/core.ts';
import { servePort } from '../../main/core/transport/serve-port.ts';
import { type Host, startHost } from '../../main/headless/host.ts';
import { decodeFrame, messageOf } from '../../renderer/transports/frame.ts';

export interface View extends ClientChannel {
  /** Anything at all, as a broken or foreign view could send it. */
  sendRaw(value: unknown): void;
}

export interface Transport {
  open(): Promise<View>;
  /** From the core's side. */
  close(): Promise<void>;
}

export const TRANSPORTS: Readonly<Record<string, (core: Core) => Promise<Transport>>> = {
  'a MessagePort': async (core) => messagePorts(core),
  'the loopback WebSocket': loopback,
};

/** What came before the listener was there is kept for it. */
class Inbox<T> {
  readonly #waiting: T[] = [];
  #listener: ((item: T) => void) | null = null;

  put(item: T): void {
    if (this.#listener === null) this.#waiting.push(item);
    else this.#listener(item);
  }

  listen(listener: (item: T) => void): void {
    this.#listener = listener;
    for (const item of this.#waiting.splice(0)) listener(item);
  }
}

function messagePorts(core: Core): Transport {
  const ends: (() => void)[] = [];
  return {
    async open() {
      const { port1, port2 } = new MessageChannel();
      const inbox = new Inbox<Message>();
      const closed = new Inbox<string>();
      port2.on('message', (message: Message) => inbox.put(message));
      port2.on('close', () => closed.put('closed'));
      ends.push(
        servePort(core, {
          postMessage: (message) => port1.postMessage(message),
          onMessage: (listener) => void port1.on('message', listener),
          onClose: (listener) => void port1.on('close', listener),
          close: () => port1.close(),
        }),
      );
      return {
        send: (request) => port2.postMessage(request),
        sendRaw: (value) => port2.postMessage(value),
        onMessage: (listener) => inbox.listen(listener),
        onClose: (listener) => closed.listen(listener),
        close: () => port2.close(),
      };
    },
    async close() {
      for (const end of ends) end();
    },
  };
}

async function loopback(core: Core): Promise<Transport> {
  // The bridge alone is of interest: there are no pages.
  const host: Host = await startHost({
    core,
    port: 0,
    folder: import.meta.dirname,
    logger: { log: () => undefined },
  });
  const token = host.address.split('#token=')[1] ?? '';
  const origin = `http://127.0.0.1:${host.port}`;
  return {
    async open() {
      const socket = new WebSocket(`ws://127.0.0.1:${host.port}/bridge`, ['quipu.v1', `token.${token}`], {
        origin,
      });
      const inbox = new Inbox<Message>();
      const closed = new Inbox<string>();
      socket.binaryType = 'arraybuffer';
      socket.on('message', (data: ArrayBuffer | Buffer, isBinary: boolean) => {
        inbox.put(
          isBinary
            ? decodeFrame(data as ArrayBuffer)
            : messageOf(Buffer.from(data as ArrayBuffer).toString('utf8')),
        );
      });
      socket.on('close', () => closed.put('closed'));
      await new Promise<void>((resolve, reject) => {
        socket.on('open', resolve);
        socket.on('error', reject);
      });
      return {
        send: (request) => socket.send(JSON.stringify(request)),
        sendRaw: (value) => socket.send(JSON.stringify(value) ?? 'null'),
        onMessage: (listener) => inbox.listen(listener),
        onClose: (listener) => closed.listen(listener),
        close: () => socket.close(),
      };
    },
    close: () => host.close(),
  };
}
