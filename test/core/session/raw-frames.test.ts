import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEPT_BYTES, KEPT_FRAMES, LISTED_BYTES, RawFrames } from '../../../main/core/session/raw-frames.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the ring of raw frames', () => {
  it('is empty at first, and then tells time, length and text, oldest first', () => {
    const ring = new RawFrames();
    expect(ring.list()).toEqual([]);
    ring.note(1, utf8('{"a":1}'));
    ring.note(2, utf8('größer'));
    ring.note(3, new Uint8Array(0));
    expect(ring.list()).toEqual([
      { at: 1, bytes: 7, text: '{"a":1}', truncated: false },
      { at: 2, bytes: 8, text: 'größer', truncated: false },
      { at: 3, bytes: 0, text: '', truncated: false },
    ]);
  });

  it('keeps the newest, whatever came, and never more', () => {
    const frame = fc.record({
      text: fc.string({ unit: 'binary', maxLength: 40 }),
      times: fc.integer({ min: 1, max: 90 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), (given) => {
        const ring = new RawFrames();
        // Through UTF-8 and back: half a surrogate pair is no text that a socket can bring.
        const texts = given.flatMap(({ text, times }) => Array<string>(times).fill(text.toWellFormed()));
        texts.forEach((text, n) => ring.note(n, utf8(text)));
        const kept = ring.list();
        expect(kept.map(({ text }) => text)).toEqual(texts.slice(-KEPT_FRAMES));
        expect(kept.map(({ at }) => at)).toEqual(texts.map((_, n) => n).slice(-KEPT_FRAMES));
      }),
      { numRuns: 30 },
    );
  });

  it('copies once it is told to, and when other bytes come: those it was given may be used again', () => {
    const ring = new RawFrames();
    const bytes = utf8('first');
    ring.note(1, bytes);
    ring.copy();
    bytes.set(utf8('other'));
    expect(ring.list()[0]?.text).toBe('first');
    ring.note(2, bytes);
    ring.note(3, utf8('third'));
    bytes.set(utf8('later'));
    expect(ring.list().map(({ text }) => text)).toEqual(['first', 'other', 'third']);
  });

  it('keeps the newest of packets of any number of frames of any length, whose memory is the same', () => {
    const lengths = fc.array(fc.oneof(fc.nat(600), fc.nat(20_000)), { maxLength: 300 });
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 4 }), (packets) => {
        const ring = new RawFrames();
        const memory = Buffer.alloc(300 * 20_000);
        let nth = 0;
        for (const packet of packets) {
          let at = 0;
          for (const length of packet) {
            memory.fill(97 + (nth % 26), at, at + length);
            ring.note(nth++, memory, at, at + length);
            at += length;
          }
          ring.copy();
        }
        const all = packets.flat();
        const first = Math.max(0, all.length - KEPT_FRAMES);
        expect(ring.list().map(({ bytes, text }) => [bytes, text])).toEqual(
          all.slice(first).map((length, n) => {
            const text = String.fromCharCode(97 + ((first + n) % 26)).repeat(Math.min(length, KEPT_BYTES));
            return [length, text];
          }),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('leaves nothing of a longer frame behind a shorter one of the same place', () => {
    const ring = new RawFrames();
    for (let n = 0; n < KEPT_FRAMES; n++) ring.note(n, utf8('a long frame'));
    ring.note(KEPT_FRAMES, utf8('short'));
    expect(ring.list().at(-1)).toMatchObject({ text: 'short', bytes: 5 });
    expect(ring.list()[0]?.text).toBe('a long frame');
  });

  it.each([
    [KEPT_BYTES, false],
    [KEPT_BYTES + 1, true],
    [5 * KEPT_BYTES, true],
  ])('of %i bytes keeps the beginning, and their number', (length, truncated) => {
    const ring = new RawFrames();
    ring.note(1, new Uint8Array(length).fill(0x61));
    const [frame] = ring.list();
    expect(frame).toMatchObject({ bytes: length, truncated });
    expect(frame?.text).toBe('a'.repeat(Math.min(length, KEPT_BYTES)));
  });

  it.each([
    ['of JSON, as many as are kept', 0x22, false],
    ['of controls, which JSON makes long, the newest', 0x01, true],
    ['of what is no UTF-8, which is longer as text, the newest', 0xff, true],
  ])('lists of the largest frames, when they are %s', (_what, byte, isCut) => {
    const ring = new RawFrames();
    for (let n = 0; n < KEPT_FRAMES; n++)
      ring.note(n, new Uint8Array(KEPT_BYTES).fill(0x61).fill(byte, 0, isCut ? KEPT_BYTES : 3_000));
    const frames = ring.list();
    expect(frames.at(-1)?.at).toBe(KEPT_FRAMES - 1);
    if (isCut) expect(frames.length).toBeLessThan(KEPT_FRAMES);
    else expect(frames).toHaveLength(KEPT_FRAMES);
    const json = Buffer.byteLength(JSON.stringify(frames));
    expect(json).toBeLessThan(1.01 * LISTED_BYTES);
    expect(json).toBeGreaterThan(0.9 * LISTED_BYTES);
  });

  it('leaves out the character that the cut goes through', () => {
    const ring = new RawFrames();
    ring.note(1, utf8('a' + 'é'.repeat(KEPT_BYTES)));
    expect(ring.list()[0]?.text).toBe('a' + 'é'.repeat(KEPT_BYTES / 2 - 1));
  });

  it.each([
    ['what is no UTF-8', [0x61, 0xff, 0xe2, 0x82], 'a\ufffd\ufffd'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['controls', [0x00, 0x1b, 0x0a], '\u0000\u001b\n'],
    ['a mark that reorders', [0xe2, 0x80, 0xae], '\u202e'],
  ])('shows %s as it is, or U+FFFD', (_what, bytes, text) => {
    const ring = new RawFrames();
    ring.note(1, Uint8Array.from(bytes));
    expect(ring.list()[0]?.text).toBe(text);
  });
});
