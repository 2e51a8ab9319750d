/** The fast path gives what the tolerant decoder gives, whatever the bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../../main/core/protocol/decode.ts';
import { DEFAULT_DIALECT } from '../../../main/core/protocol/dialect.ts';
import { TradeScanner } from '../../../main/core/protocol/scanner.ts';
import { TolerantDecoder } from '../../../main/core/protocol/tolerant.ts';
import { DECODED_TRADE, TRADE, collector, decode } from './frames.ts';
import type { Seen } from './frames.ts';

const fast = createDecoder(DEFAULT_DIALECT);
const tolerant = new TolerantDecoder(DEFAULT_DIALECT, null);
const pending = (traceId: string) => traceId === 'k3f9-1';

function byFast(frame: Buffer): Seen {
  const { seen, sink } = collector();
  fast.decode(frame, pending, sink);
  return seen;
}

function byTolerant(frame: Buffer): Seen {
  const { seen, sink } = collector();
  tolerant.decode(frame, 0, pending, sink);
  return seen;
}

const BEFORE = Buffer.from('{"type":"trade","payload":{"id":"');
/** What would end a frame that is cut, or be another document of it. */
const BEHIND = ['"}}', '}', '\n', ' ', '0"}}'].map((end) =>
  Buffer.from(`${end}\n${JSON.stringify({ type: 'trade', payload: TRADE })}`),
);

/** As a part of a packet that goes on behind it. */
function inPacket(frame: Buffer, behind: Buffer): Seen {
  const { seen, sink } = collector();
  const packet = Buffer.concat([BEFORE, frame, behind]);
  fast.decode(packet, pending, sink, BEFORE.length, BEFORE.length + frame.length);
  return seen;
}

/** Equal but for samples, of which the tolerant decoder alone counts those of documents that it did not see. */
function expectEqual(frame: Buffer): void {
  const told = byTolerant(frame);
  expect(byFast(frame)).toEqual(told);
  for (const behind of BEHIND) expect(inPacket(frame, behind)).toEqual(told);
}

const digits = (max: number) => fc.stringMatching(new RegExp(`^\\d{1,${max}}$`));
const decimal = fc.oneof(
  fc.tuple(digits(12), digits(12)).map(([whole, fraction]) => `${whole}.${fraction}`),
  fc.tuple(digits(3), digits(30)).map(([whole, fraction]) => `${whole}.${fraction}`),
  digits(20),
  fc.constantFrom('0', '0.0', '.5', '5.', '.', '', '-1', '-0', '+1', '1e3', '1E-3', '1e999', 'NaN', ' 1'),
  fc.constantFrom('9007199254740991', '9007199254740992', '9007199254740993', '90071992547.40993'),
  fc.constantFrom('9223372036854775807', '9223372036854775808', '0.00000000000000000000000000000000000001'),
  fc.constantFrom(
    '1.00000000000000000000000000000000000',
    '1.0000000000000001',
    '0.0000000000000001',
    `0.${'0'.repeat(99)}`,
    '10000000000000000.00001',
  ),
);
const time = fc.oneof(
  fc.integer({ min: 946_684_800_000, max: 4_102_444_799_999 }).map((ms) => new Date(ms).toISOString()),
  fc
    .tuple(
      fc.integer({ min: 946_684_800, max: 4_102_444_799 }),
      digits(10),
      fc.constantFrom('Z', '', '+01:00'),
    )
    .map(([s, fraction, zone]) => `${new Date(s * 1000).toISOString().slice(0, 19)}.${fraction}${zone}`),
  fc.constantFrom('2024-02-30T00:00:00.000Z', '2024-01-15T25:00:00.000Z', '1705342207123', '', 'x'),
  fc.constantFrom('1999-12-31T23:59:59.999Z', '2100-01-01T00:00:00.000Z', '2024-01-15T18:10:60.000Z'),
);
const text = fc.oneof(
  fc.constantFrom(
    'binance-btc-usdt',
    'kraken-eth-usd',
    '',
    'x'.repeat(256),
    'x'.repeat(257),
    'é',
    'a"b',
    'a\\b',
  ),
  fc.string({ maxLength: 40 }),
);
const payload = fc.record(
  {
    id: fc.oneof(fc.uuid(), digits(20), text),
    marketId: text,
    marketVenue: text,
    pairId: text,
    timestamp: time,
    price: decimal,
    size: decimal,
    side: fc.constantFrom('buy', 'sell', 'BUY', 'Sell', 'bu', 'buyy', 'sel', '', 'none', 'b\u0055y'),
  },
  { requiredKeys: ['marketId', 'timestamp', 'price', 'size'] },
);

/** Another order of the keys. */
function shuffled<T extends object>(object: T): fc.Arbitrary<object> {
  const entries = Object.entries(object);
  return fc
    .shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length })
    .map((shuffledEntries) => Object.fromEntries(shuffledEntries) as object);
}

const frames = fc
  .tuple(
    payload.chain(shuffled),
    fc.constantFrom('trade', 'trade', 'trade', 'Trade', 'trades', 'x'),
    fc.boolean(),
  )
  .chain(([body, type, typeLast]) => {
    const message = typeLast ? { payload: body, type } : { type, payload: body };
    return fc.constantFrom(
      JSON.stringify(message),
      JSON.stringify(message),
      JSON.stringify(message, null, 1),
      JSON.stringify(message).replaceAll('":', '" : '),
      `${JSON.stringify(message)}\n`,
    );
  });

describe('the scanner', () => {
  const whole = Buffer.from(JSON.stringify({ type: 'trade', payload: TRADE }));

  it('reads the default form itself, in any order of keys', () => {
    const scanner = new TradeScanner(DEFAULT_DIALECT);
    fc.assert(
      fc.property(shuffled(TRADE), fc.boolean(), (body, typeLast) => {
        const message = typeLast ? { payload: body, type: 'trade' } : { type: 'trade', payload: body };
        const bytes = Buffer.from(JSON.stringify(message));
        expect(scanner.scan(bytes, 0)).toBe(bytes.length);
        expect(scanner.trade).toEqual(DECODED_TRADE);
      }),
    );
  });

  it.each<[string, string]>([
    ['a traceId', `{"traceId":"a","type":"trade","payload":${JSON.stringify(TRADE)}}`],
    [
      'a field that it does not know',
      `{"type":"trade","payload":${JSON.stringify({ ...TRADE, tier: '1' })}}`,
    ],
    ['an escape', `{"type":"trade","payload":${JSON.stringify({ ...TRADE, id: 'a\\' })}}`],
    ['an exponent', `{"type":"trade","payload":${JSON.stringify({ ...TRADE, price: 1e21 })}}`],
    ['a name twice', whole.toString().replace('"side"', '"id"')],
    ['an envelope twice', whole.toString().replace('{"type":"trade",', '{"type":"trade","type":"trade",')],
    ['another document on the line', `${whole.toString()} {}`],
    ['something behind it', `${whole.toString()}x`],
    ['no market', `{"type":"trade","payload":${JSON.stringify({ ...TRADE, marketId: undefined })}}`],
  ])('leaves %s to the tolerant decoder', (_, frame) => {
    expect(new TradeScanner(DEFAULT_DIALECT).scan(Buffer.from(frame), 0)).toBe(-1);
    expectEqual(Buffer.from(frame));
  });

  it("knows a dialect's own type, and one that has none", () => {
    const bytes = Buffer.from(`{"type":"t 1","payload":${JSON.stringify(TRADE)}}`);
    expect(new TradeScanner({ ...DEFAULT_DIALECT, types: { 't 1': 'trade' } }).scan(bytes, 0)).toBe(
      bytes.length,
    );
    expect(new TradeScanner({ ...DEFAULT_DIALECT, types: {} }).scan(whole, 0)).toBe(-1);
  });

  it('reads a frame that lies within a larger buffer', () => {
    const around = new Uint8Array(whole.length + 20).fill(0x7b);
    around.set(whole, 7);
    expect(decode(around.subarray(7, 7 + whole.length)).trades).toEqual([DECODED_TRADE]);
  });

  it('gives the same for trades of every kind', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expectEqual(Buffer.from(frame));
      }),
      { numRuns: 3000 },
    );
  });

  it('gives the same for several documents', () => {
    const lines = fc.array(fc.oneof(frames, fc.constantFrom('', '{', 'x', '{}', whole.toString())), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(lines, (each) => {
        expectEqual(Buffer.from(each.join('\n')));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same for damaged frames', () => {
    const damage = fc.array(
      fc.record({
        at: fc.nat(),
        byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"{}[],:\\ \n0129.-eTZ'))),
        how: fc.constantFrom('set', 'insert', 'delete', 'cut', 'copy'),
        length: fc.nat(40),
      }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(frames, damage, (frame, damages) => {
        let bytes = Buffer.from(frame);
        for (const { at, byte, how, length } of damages) {
          const place = at % (bytes.length + 1);
          const before = bytes.subarray(0, place);
          const after = bytes.subarray(place);
          if (how === 'set') bytes = Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
          if (how === 'insert') bytes = Buffer.concat([before, Buffer.of(byte), after]);
          if (how === 'delete') bytes = Buffer.concat([before, after.subarray(length)]);
          if (how === 'cut') bytes = Buffer.from(before);
          if (how === 'copy') bytes = Buffer.concat([before, after.subarray(0, length), after]);
        }
        expectEqual(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  it('gives the same with any one byte changed', () => {
    for (let at = 0; at < whole.length; at++) {
      for (const byte of Buffer.from('"\\{},:x0Z \n\u0000é')) {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        expectEqual(bytes);
      }
    }
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const seen = byFast(Buffer.from(bytes));
        expect(seen.trades).toEqual([]);
        expect(seen.refused.length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws on random JSON', () => {
    const names = fc.constantFrom(
      'type',
      'payload',
      'data',
      'trades',
      'price',
      'size',
      'metrics',
      'market',
      'id',
      'errors',
    );
    const { tree } = fc.letrec<{ tree: unknown; leaf: unknown }>((tie) => ({
      leaf: fc.oneof(fc.constantFrom('trade', '1m', '1', 'x', null, true, -1), fc.double(), fc.string()),
      tree: fc.oneof(
        { depthSize: 'small' },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(names, tie('tree'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expectEqual(Buffer.from(JSON.stringify(value)));
      }),
      { numRuns: 2000 },
    );
  });
});
