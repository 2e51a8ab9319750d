/** The core's end of a MessagePort: requests in, messages out, both as structured clones. */
import type { Message } from '../contract.ts';
import type { Core } from '../core.ts';

/** Electron's MessagePortMain and Node's MessagePort, as much as both have. */
export interface CorePort {
  postMessage(message: Message): void;
  onMessage(listener: (message: unknown) => void): void;
  /** The other end is gone. */
  onClose(listener: () => void): void;
  close(): void;
}

/**
 * A view at the other end of `port` joins the core: it is sent a snapshot, then events and replies.
 *
 * @returns ends it from this side. The port ending by itself needs no call.
 */
export function servePort(core: Core, port: CorePort): () => void {
  let open = true;
  const client = core.connect((message) => {
    if (open) port.postMessage(compact(message));
  });
  const end = (): void => {
    if (!open) return;
    open = false;
    client.close();
  };
  port.onMessage((message) => client.request(message));
  port.onClose(end);
  return () => {
    end();
    port.close();
  };
}

/** A clone of a view takes all of the buffer that it looks into along, so `bytes` gets its own. */
function compact(message: Message): Message {
  if (message.kind === 'event') {
    const { event } = message;
    return 'bytes' in event && isPart(event.bytes)
      ? { kind: 'event', event: { ...event, bytes: event.bytes.slice() } }
      : message;
  }
  const value = message.result.ok ? message.result.value : null;
  if (typeof value !== 'object' || value === null || !('bytes' in value)) return message;
  const { bytes } = value;
  return bytes instanceof Uint8Array && isPart(bytes)
    ? { ...message, result: { ok: true, value: { ...value, bytes: bytes.slice() } } }
    : message;
}

function isPart(bytes: Uint8Array): boolean {
  return bytes.byteLength !== bytes.buffer.byteLength;
}
