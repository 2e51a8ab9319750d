/**
 * Binary frames of the loopback transport: a uint32 (little-endian) length, so many bytes of JSON,
 * zeros up to a multiple of 8 bytes from the frame's start, then the bytes of the message's one
 * `bytes` field, which is null in the JSON. The alignment lets floats be read without a copy.
 */
import type { Message } from '../../main/core/contract.ts';

const LENGTH_BYTES = 4;
const ALIGNMENT = 8;

/** The message of a binary frame. @throws {Error} when the frame is not one */
export function decodeFrame(frame: ArrayBuffer): Message {
  if (frame.byteLength < LENGTH_BYTES) throw new Error('a binary frame ended before its length');
  const length = new DataView(frame).getUint32(0, true);
  const headerEnd = LENGTH_BYTES + length;
  if (headerEnd > frame.byteLength) throw new Error('a binary frame ended before its header');
  const header = new TextDecoder('utf-8', { fatal: true }).decode(
    new Uint8Array(frame, LENGTH_BYTES, length),
  );
  const start = Math.ceil(headerEnd / ALIGNMENT) * ALIGNMENT;
  const bytes =
    start >= frame.byteLength ? new Uint8Array(0) : new Uint8Array(frame, start, frame.byteLength - start);
  const message = messageOf(header);
  const holder = holderOf(message);
  if (holder?.['bytes'] !== null) throw new Error('a binary frame has no place for its bytes');
  holder['bytes'] = bytes;
  return message;
}

/** The message of a text frame. @throws {Error} when it is not one */
export function messageOf(json: string): Message {
  const value: unknown = JSON.parse(json);
  if (!isRecord(value)) throw new Error('a frame is not a message');
  const isReply = value['kind'] === 'reply' && typeof value['id'] === 'number' && isRecord(value['result']);
  const isEvent = value['kind'] === 'event' && isRecord(value['event']);
  if (!isReply && !isEvent) throw new Error('a frame is neither a reply nor an event');
  // What is inside follows the contract, whose version the first snapshot carries.
  return value as unknown as Message;
}

function holderOf(message: Message): Record<string, unknown> | null {
  const holder: unknown =
    message.kind === 'event' ? message.event : message.result.ok ? message.result.value : null;
  return isRecord(holder) ? holder : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
