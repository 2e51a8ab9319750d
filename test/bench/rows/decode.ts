/** The decoder without a socket, against JSON.parse on the same frames. */
import { createDecoder, type FrameSink } from '../../../main/core/protocol/decode.ts';
import { DEFAULT_DIALECT } from '../../../main/core/protocol/dialect.ts';
import { TolerantDecoder } from '../../../main/core/protocol/tolerant.ts';
import { chance, take, type TradeFields, tradeMessage, trades } from '../frames.ts';
import { type Form, type Row, type Sample } from '../harness.ts';
import { Stopwatch } from '../stopwatch.ts';

const FRAMES = 20_000;
const START = Date.parse('2026-01-15T18:10:00Z');

interface Frames {
  readonly frames: readonly Buffer[];
  /** Trades or candles in each. */
  readonly items: number;
}

function encode(texts: readonly string[], items = 1): Frames {
  return { frames: texts.map((text) => Buffer.from(text)), items };
}

function someTrades(count = FRAMES): TradeFields[] {
  return take(trades(2, START), count);
}

/** Goes round the frames for long enough, and some times before to warm up. */
function timed({ frames, items }: Frames, { full }: Form, decode: (frame: Buffer) => void): Sample {
  const passes = Math.ceil((full ? 1_000_000 : 200_000) / (frames.length * items));
  for (let pass = 0; pass < Math.ceil(passes / 4); pass++) for (const frame of frames) decode(frame);
  const watch = new Stopwatch();
  for (let pass = 0; pass < passes; pass++) for (const frame of frames) decode(frame);
  return watch.stop(passes * frames.length * items);
}

const ignore = (): undefined => undefined;

/** Decodes for a sink that counts, and makes sure of the count. */
function counting({ frames, items }: Frames, decode: Decode): (frame: Buffer) => void {
  let told = 0;
  const sink = {
    trade: () => void told++,
    candle: () => void told++,
    answer: ignore,
    unknown: ignore,
    refused: ignore,
  };
  for (const frame of frames) decode(frame, sink);
  if (told !== frames.length * items) throw new Error(`${told} of ${frames.length * items} were decoded`);
  return (frame) => decode(frame, sink);
}

type Decode = (frame: Buffer, sink: FrameSink) => void;

function byDecoder(): Decode {
  const decoder = createDecoder(DEFAULT_DIALECT);
  return (frame, sink) => decoder.decode(frame, () => false, sink);
}

function byTolerant(): Decode {
  const decoder = new TolerantDecoder(DEFAULT_DIALECT, null);
  return (frame, sink) => decoder.decode(frame, 0, () => false, sink);
}

function parse(frame: Buffer): unknown {
  return JSON.parse(frame.toString('utf8'));
}

function decodeRow(name: string, stage: string, build: () => Frames, make = byDecoder, plain = parse): Row {
  return {
    name,
    stage: `decode + validate, ${stage}`,
    unit: 'item',
    contenders: {
      'JSON.parse': async (form) => timed(build(), form, plain),
      ours: async (form) => {
        const frames = build();
        return timed(frames, form, counting(frames, make()));
      },
    },
    against: 'JSON.parse',
    must: null,
    shall: null,
  };
}

/** The same fields in the other order, and the envelope's too. */
function turned(trade: TradeFields): string {
  const payload = Object.fromEntries(Object.entries(trade).toReversed());
  return JSON.stringify({ payload, type: 'trade' });
}

function withNumbers(trade: TradeFields): string {
  return tradeMessage(trade).replace(/"(price|size)":"([^"]+)"/g, '"$1":$2');
}

function candleMessage({ marketId, marketVenue, pairId, price }: TradeFields, random: () => number): string {
  const near = (): string => (Number(price) * (0.99 + random() * 0.02)).toFixed(2);
  const start = START + Math.floor(random() * 1440) * 60_000;
  return JSON.stringify({
    type: 'trade-metrics',
    payload: {
      marketId,
      marketVenue,
      pairId,
      granularity: '1m',
      timestamp: new Date(start).toISOString(),
      open: near(),
      high: near(),
      low: near(),
      close: near(),
      volume: (random() * 100).toFixed(6),
      vwap: near(),
      trades: Math.floor(random() * 1000),
    },
  });
}

/** Splits so many at a time. */
function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: items.length / size }, (_, n) => items.slice(n * size, (n + 1) * size));
}

const single = (): Frames => encode(someTrades().map(tradeMessage));

export const decodeRows: readonly Row[] = [
  decodeRow('decode', 'one trade a frame, no socket', single),
  decodeRow('decode-numbers', 'price and size as numbers', () => encode(someTrades().map(withNumbers))),
  decodeRow('decode-order', 'keys in another order', () => encode(someTrades().map(turned))),
  decodeRow(
    'decode-lines',
    '100 documents, newline-separated',
    () =>
      encode(
        inGroups(someTrades().map(tradeMessage), 100).map((group) => group.join('\n')),
        100,
      ),
    byDecoder,
    (frame) =>
      frame
        .toString('utf8')
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
  ),
  decodeRow('decode-batches', 'an array of 100 trades', () => {
    const groups = inGroups(someTrades(), 100);
    return encode(
      groups.map((group) => JSON.stringify({ type: 'trade', payload: group })),
      100,
    );
  }),
  decodeRow('decode-candles', 'one candle a frame', () => {
    const random = chance(3);
    return encode(someTrades().map((trade) => candleMessage(trade, random)));
  }),
  decodeRow('tolerant', 'one trade a frame, by the tolerant path alone', single, byTolerant),
];
