/**
 * The desktop's transport: a MessagePort to the main process. The page asks for one by a message to
 * its own window, and the preload hands it over in another. What the port carries are structured
 * clones of the contract's requests and messages.
 */
import type { ClientChannel, Message } from '../../main/core/contract.ts';
import type { Transport } from '../state/bridge.ts';

/** What the page posts to its own window to ask the preload for a port. */
export const ASK_MESSAGE = 'quipu:ready';
/** What the preload posts with the port. */
export const PORT_MESSAGE = 'quipu:port';

/** The contract's two-way pipe over `port`. */
export function portChannel(port: MessagePort): ClientChannel {
  const early: Message[] = [];
  let onMessage: ((message: Message) => void) | null = null;
  let onClose: ((why: string) => void) | null = null;
  let closed = false;
  const end = (why: string): void => {
    if (closed) return;
    closed = true;
    onClose?.(why);
  };
  port.onmessage = (event: MessageEvent<Message>) => {
    if (onMessage === null) early.push(event.data);
    else onMessage(event.data);
  };
  port.onmessageerror = () => end('Quipu sent this window something that it could not read.');
  // Not every Chromium tells that the other end is gone; those that do use this event.
  port.addEventListener('close', () => end('Quipu has let go of this window.'));
  port.start();
  return {
    send: (request) => port.postMessage(request),
    onMessage(listener) {
      onMessage = listener;
      for (const message of early.splice(0)) listener(message);
    },
    onClose(listener) {
      onClose = listener;
    },
    close() {
      closed = true;
      port.close();
    },
  };
}

/** Asks for a port each time; one that comes without being asked for is not taken. */
export function portTransport(): Transport {
  let take: ((port: MessagePort) => void) | null = null;

  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    // Only this window's own preload may hand over a port.
    if (event.source !== window || event.data !== PORT_MESSAGE) return;
    const port = event.ports[0];
    if (port !== undefined) take?.(port);
    take = null;
  });

  return {
    open: () =>
      new Promise((resolve) => {
        take = (port) => resolve(portChannel(port));
        window.postMessage(ASK_MESSAGE, window.location.origin);
      }),
  };
}
