/**
 * Frames of the loopback transport, core to view. A message without bytes is a text frame of JSON.
 * With bytes it is a binary frame: a uint32 (little-endian) length, so many bytes of JSON in which the
 * field `bytes` is null, zeros up to a multiple of 8 bytes from the frame's start, then the bytes. The
 * alignment lets the view read floats without a copy.
 */
import type { Message } from '../contract.ts';

const LENGTH_BYTES = 4;
const ALIGNMENT = 8;

/** The frame of a message: text, or the bytes of a binary frame. */
export function encodeFrame(message: Message): string | Uint8Array {
  const holder = holderOf(message);
  const bytes = holder?.['bytes'];
  if (!(bytes instanceof Uint8Array)) return JSON.stringify(message);
  // Only `bytes` of the holder: a field of the same name deeper in the message is ordinary data.
  const header = Buffer.from(
    JSON.stringify(message, function (this: unknown, name, value: unknown) {
      return name === 'bytes' && this === holder ? null : value;
    }),
  );
  const start = Math.ceil((LENGTH_BYTES + header.length) / ALIGNMENT) * ALIGNMENT;
  const frame = Buffer.alloc(start + bytes.length);
  frame.writeUInt32LE(header.length, 0);
  header.copy(frame, LENGTH_BYTES);
  frame.set(bytes, start);
  return frame;
}

/** What may have a field `bytes`: an event, or the value of a reply. */
function holderOf(message: Message): Readonly<Record<string, unknown>> | null {
  if (message.kind === 'event') return message.event;
  const value = message.result.ok ? message.result.value : null;
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}
