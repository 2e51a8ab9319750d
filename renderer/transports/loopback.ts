/**
 * The browser host's transport: a WebSocket to the page's own origin. The token that lets a page
 * in comes with the printed address as a fragment, is taken out of the address bar at once, and
 * goes to the host as a subprotocol, so that it is in no URL, history or log.
 */
import type { ClientChannel, Message } from '../../main/core/contract.ts';
import type { Transport } from '../state/bridge.ts';
import { decodeFrame, messageOf } from './frame.ts';

const TOKEN_ENTRY = 'quipu.token';
const SUBPROTOCOL = 'quipu.v1';
const BRIDGE_PATH = '/bridge';

const NO_TOKEN = 'This address lacks its token. Open the whole address that Quipu printed when it started.';
const NOT_LET_IN =
  'Quipu does not answer at this address. If it was started again, open the address that it printed then.';
const GONE = 'The connection to Quipu was lost. It may have been stopped.';

/** Takes the token out of the address (or of this tab's memory, after a reload). */
export function takeToken(): string | null {
  const fragment = new URLSearchParams(window.location.hash.slice(1));
  const given = fragment.get('token');
  if (given !== null && given !== '') {
    sessionStorage.setItem(TOKEN_ENTRY, given);
    // What else the fragment says is what the window shows.
    fragment.delete('token');
    const rest = fragment.toString();
    const { pathname, search } = window.location;
    window.history.replaceState(null, '', pathname + search + (rest === '' ? '' : `#${rest}`));
  }
  return sessionStorage.getItem(TOKEN_ENTRY);
}

/** Where the bridge of the page at `location` is. */
export function bridgeUrl(location: { readonly protocol: string; readonly host: string }): string {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${BRIDGE_PATH}`;
}

/** The contract's two-way pipe over `socket`, which is open. */
export function socketChannel(socket: WebSocket): ClientChannel {
  const early: Message[] = [];
  let onMessage: ((message: Message) => void) | null = null;
  let onClose: ((why: string) => void) | null = null;
  let closed: string | null = null;
  const end = (why: string): void => {
    if (closed !== null) return;
    closed = why;
    onClose?.(why);
  };
  socket.onmessage = (event: MessageEvent<unknown>) => {
    if (closed !== null) return;
    let message: Message;
    try {
      message = event.data instanceof ArrayBuffer ? decodeFrame(event.data) : messageOf(String(event.data));
    } catch (thrown) {
      const detail = thrown instanceof Error ? thrown.message : String(thrown);
      end(`Quipu sent this page something that it could not read: ${detail}`);
      socket.close();
      return;
    }
    if (onMessage === null) early.push(message);
    else onMessage(message);
  };
  socket.onclose = (event) => end(event.reason === '' ? GONE : event.reason);
  return {
    send(request) {
      if (closed !== null) throw new Error(closed);
      socket.send(JSON.stringify(request));
    },
    onMessage(listener) {
      onMessage = listener;
      for (const message of early.splice(0)) listener(message);
    },
    onClose(listener) {
      onClose = listener;
      if (closed !== null) listener(closed);
    },
    close() {
      end('This page closed the bridge.');
      socket.close();
    },
  };
}

/** Opens the bridge at `url` with `token`. */
export function loopbackTransport(url: string, token: string | null): Transport {
  return {
    open() {
      if (token === null) return Promise.reject(new Error(NO_TOKEN));
      return new Promise((resolve, reject) => {
        const socket = new WebSocket(url, [SUBPROTOCOL, `token.${token}`]);
        socket.binaryType = 'arraybuffer';
        // A browser does not tell a page why a handshake failed.
        socket.onclose = () => reject(new Error(NOT_LET_IN));
        socket.onopen = () => resolve(socketChannel(socket));
      });
    },
  };
}
