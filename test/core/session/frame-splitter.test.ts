/** Ahead of ws or not, the same is told of every stream of bytes. */
import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { FrameSplitter } from '../../../main/core/session/frame-splitter.ts';

const LIMIT = 70_000;
/** What reads frames in ws; exported by it, though its types do not say so. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

type Told = [what: string, value: string][];

/** What is told of packets that come one after the other, until something is refused. */
async function told(packets: readonly Buffer[], ahead: boolean): Promise<{ told: Told; texts: number }> {
  const log: Told = [];
  let texts = 0;
  let failed = false;
  const receiver = new Receiver({ maxPayload: LIMIT, maxFragments: 4, skipUTF8Validation: true });
  const note = (what: string) => (value: unknown) =>
    log.push([what, Buffer.isBuffer(value) ? value.toString('latin1') : String(value)]);
  receiver.on('message', (data: Buffer, binary: boolean) => note(binary ? 'binary' : 'text')(data));
  receiver.on('ping', note('ping')).on('pong', note('pong')).on('conclude', note('conclude'));
  receiver.on('error', (error) => {
    failed = true;
    note('error')(error.message);
  });
  const splitter = new FrameSplitter(LIMIT, {
    text: (packet, start, end) => {
      texts++;
      note('text')(packet.subarray(start, end));
    },
    rest: (bytes) => void receiver.write(bytes),
  });
  for (const packet of packets) {
    // A goodbye ends ws's receiver, which takes no more then.
    if (failed || receiver.writableEnded) break;
    if (ahead) splitter.push(packet);
    else receiver.write(packet);
    await new Promise(setImmediate);
  }
  return { told: log, texts };
}

function frame(first: number, payload: Buffer, mask = 0): Buffer {
  const { length } = payload;
  const size =
    length < 126
      ? [mask | length]
      : length < 65_536
        ? [mask | 126, length >> 8, length & 0xff]
        : [mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([first, ...size]), payload]);
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, n) => bytes.subarray(at[n], end));
}

const payload = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536, LIMIT, LIMIT + 1).map((n) => new Uint8Array(n)),
  },
);
const text = payload.map((bytes) => frame(0x81, Buffer.from(bytes)));
const other = fc
  .tuple(fc.constantFrom(0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a), fc.uint8Array({ maxLength: 130 }))
  .map(([first, bytes]) => frame(first, Buffer.from(bytes)));
const fragments = fc
  .array(fc.uint8Array({ maxLength: 50 }), { minLength: 2, maxLength: 6 })
  .map((parts) =>
    Buffer.concat(
      parts.map((part, n) =>
        frame((n === parts.length - 1 ? 0x80 : 0) | (n === 0 ? 1 : 0), Buffer.from(part)),
      ),
    ),
  );
const wrong = fc
  .tuple(
    fc.constantFrom(0x81, 0x83, 0xc1, 0x91, 0x09, 0x88, 0x8b),
    fc.constantFrom(0, 0x80),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([first, mask, bytes]) => frame(first, Buffer.from(bytes), mask));
const stream = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: text },
      { weight: 2, arbitrary: other },
      { weight: 2, arbitrary: fragments },
      { weight: 1, arbitrary: wrong },
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((frames) => Buffer.concat(frames));

describe('the frame splitter', () => {
  it('changes nothing of what is told', async () => {
    await fc.assert(
      fc.asyncProperty(stream, fc.array(fc.nat(), { maxLength: 6 }), async (bytes, places) => {
        const packets = cut(bytes, places);
        expect((await told(packets, true)).told).toEqual((await told(packets, false)).told);
      }),
      { numRuns: 1500 },
    );
  });

  it('changes nothing when packets are of one byte, or a byte is damaged', async () => {
    const bytes = Buffer.concat([
      ...[
        frame(0x81, Buffer.from('one')),
        frame(0x89, Buffer.from('p')),
        frame(0x81, Buffer.alloc(130, 'x')),
      ],
      ...[
        frame(0x01, Buffer.from('two')),
        frame(0x81, Buffer.from('in the midst')),
        frame(0x80, Buffer.from('s')),
      ],
      frame(0x81, Buffer.from('three')),
    ]);
    const single = Array.from(bytes, (byte) => Buffer.of(byte));
    expect((await told(single, true)).told).toEqual((await told(single, false)).told);
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [0x01, 0x02, 0x08, 0x10, 0x40, 0x80]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ bit;
        expect((await told([damaged], true)).told).toEqual((await told([damaged], false)).told);
      }
    }
  });

  it('takes whole texts itself, and leaves those that packets cut', async () => {
    const one = frame(0x81, Buffer.from('a text of some length'));
    const bytes = Buffer.concat([one, one, frame(0x89, Buffer.from('ping')), one, one]);
    expect((await told([bytes], true)).texts).toBe(4);
    expect(await told(cut(bytes, [5]), true)).toMatchObject({ texts: 3 });
    expect((await told(cut(bytes, [5]), true)).told).toHaveLength(5);
  });
});
