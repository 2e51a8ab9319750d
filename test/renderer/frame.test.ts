import { describe, expect, it } from 'vitest';
import { floatsOf } from '../../main/core/contract.ts';
import type { Message } from '../../main/core/contract.ts';
import { encodeFrame } from '../../main/core/transport/loopback-frame.ts';
import { decodeFrame, messageOf } from '../../renderer/transports/frame.ts';
import { tradeBytes } from './support.ts';

function framed(message: Message): ArrayBuffer {
  const frame = encodeFrame(message);
  if (typeof frame === 'string') throw new Error('the host sent no binary frame');
  return Uint8Array.from(frame).buffer;
}

/** A frame built by hand from what its description says, so that two mistakes cannot agree. */
function handmade(header: string, bytes: readonly number[]): ArrayBuffer {
  const json = new TextEncoder().encode(header);
  const start = Math.ceil((4 + json.length) / 8) * 8;
  const frame = new Uint8Array(start + bytes.length);
  frame.set([json.length & 255, json.length >> 8, 0, 0]);
  frame.set(json, 4);
  frame.set(bytes, start);
  return frame.buffer;
}

describe('decodeFrame', () => {
  it('puts the bytes into an event, aligned so that floats need no copy', () => {
    const bytes = tradeBytes([1_700_000_000_000_001, 42_519.59, 0.0125], [1_700_000_000_000_002, 1, 2]);
    for (const market of ['m', 'mm', 'mmmmm', 'märkt-ü']) {
      const message = decodeFrame(
        framed({ kind: 'event', event: { type: 'trades', market, count: 2, bytes } }),
      );
      if (message.kind !== 'event' || message.event.type !== 'trades') throw new Error('not the event');
      expect(message.event.market).toBe(market);
      expect(message.event.bytes.byteOffset % 8).toBe(0);
      expect([...floatsOf(message.event.bytes)]).toEqual([...floatsOf(bytes)]);
    }
  });

  it('puts the bytes into the value of a reply', () => {
    const value = { count: 1, more: false, bytes: tradeBytes([1, 2, 3]) };
    const message = decodeFrame(framed({ kind: 'reply', id: 7, result: { ok: true, value } }));
    expect(message).toMatchObject({ kind: 'reply', id: 7, result: { ok: true, value: { count: 1 } } });
    if (message.kind !== 'reply' || !message.result.ok) throw new Error('not the reply');
    expect(message.result.value).toHaveProperty('bytes', value.bytes);
  });

  it('reads a frame as the wire format describes it, also without any bytes', () => {
    const header = '{"kind":"event","event":{"type":"trades","market":"x","count":0,"bytes":null}}';
    expect(decodeFrame(handmade(header, [1, 2, 3]))).toHaveProperty('event.bytes', Uint8Array.of(1, 2, 3));
    expect(decodeFrame(handmade(header, []))).toHaveProperty('event.bytes', new Uint8Array(0));
  });

  it('refuses what is no frame', () => {
    const tooLong = handmade('{}', []);
    new DataView(tooLong).setUint32(0, 1_000_000, true);
    expect(() => decodeFrame(new ArrayBuffer(3))).toThrow('before its length');
    expect(() => decodeFrame(tooLong)).toThrow('before its header');
    expect(() => decodeFrame(handmade('{"kind":"event","event":{"type":"ticks"}}', [1]))).toThrow('no place');
    expect(() => decodeFrame(handmade('not json', [1]))).toThrow();
    const failed = '{"kind":"reply","id":1,"result":{"ok":false,"error":{}}}';
    expect(() => decodeFrame(handmade(failed, [1]))).toThrow('no place');
  });
});

describe('messageOf', () => {
  it('takes replies and events and nothing else', () => {
    expect(messageOf('{"kind":"reply","id":1,"result":{"ok":true,"value":null}}')).toMatchObject({ id: 1 });
    expect(messageOf('{"kind":"event","event":{"type":"ticks","ticks":[]}}')).toMatchObject({
      kind: 'event',
    });
    for (const wrong of [
      'null',
      '[]',
      '{"kind":"reply"}',
      '{"kind":"event"}',
      '{"kind":"x","event":{}}',
      '',
    ]) {
      expect(() => messageOf(wrong), wrong).toThrow();
    }
  });
});
