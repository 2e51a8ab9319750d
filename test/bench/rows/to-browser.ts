/** Trades on their way to a view: packed by the core, across to another thread, unpacked there. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { type Message, TRADE_FIELDS, tradesOf } from '../../../main/core/contract.ts';
import { TradePacker } from '../../../main/core/flow/trade-packer.ts';
import { encodeFrame } from '../../../main/core/transport/loopback-frame.ts';
import { decodeFrame, messageOf } from '../../../renderer/transports/frame.ts';
import { take } from '../frames.ts';
import { BYTES, type Form, type Row, type Sample } from '../harness.ts';
import { MARKET_IDS, type PlainTrade, recordedTrades } from '../recorded.ts';
import { Stopwatch } from '../stopwatch.ts';

const TRADES = 10_000;
/** Most of a page, which is what crosses at once. */
const PAGE = 5_000;

function pageOf(trades: readonly PlainTrade[]): Message {
  const packer = new TradePacker(trades.length);
  for (const { time, price, size, side } of trades) packer.add(time, price, 2, size, 6, side);
  const value = { count: trades.length, more: true, bytes: packer.take() };
  return { kind: 'reply', id: 1, result: { ok: true, value } };
}

function objectsOf(trades: readonly PlainTrade[]): Message {
  const value = trades.map(({ market, time, price, size, side, id }) => ({
    id,
    market: MARKET_IDS[market],
    time,
    price: price / 100,
    size: size / 1_000_000,
    side: side === 1 ? 'buy' : 'sell',
  }));
  return { kind: 'reply', id: 1, result: { ok: true, value } };
}

/** Packs with `pack` and waits until the other thread has the sum of the prices. */
async function timed(
  { full }: Form,
  pack: (trades: readonly PlainTrade[]) => string | Uint8Array,
): Promise<Sample> {
  // A page is of one market.
  const all = take(recordedTrades(1), TRADES);
  const pages = [all.slice(0, PAGE), all.slice(PAGE)];
  const worker = new Worker(new URL(import.meta.url));
  let bytes = 0;
  const round = async (): Promise<void> => {
    for (const page of pages) {
      const frame = pack(page);
      bytes += frame.length;
      const given = typeof frame === 'string' ? [] : [frame.buffer as ArrayBuffer];
      worker.postMessage(frame, given);
      await once(worker, 'message');
    }
  };
  for (let n = 0; n < 20; n++) await round();
  bytes = 0;
  const rounds = full ? 200 : 40;
  const watch = new Stopwatch();
  for (let n = 0; n < rounds; n++) await round();
  const sample = watch.stop(rounds, { [BYTES]: bytes / rounds / TRADES });
  await worker.terminate();
  return sample;
}

/** The view's end: reads what came and sums it up. */
function receive(frame: string | Uint8Array<ArrayBuffer>): number {
  let sum = 0;
  if (typeof frame === 'string') {
    const message = messageOf(frame);
    if (message.kind !== 'reply' || !message.result.ok) return NaN;
    for (const { price } of message.result.value as { price: number }[]) sum += price;
    return sum;
  }
  const message = decodeFrame(frame.buffer);
  if (message.kind !== 'reply' || !message.result.ok) return NaN;
  const floats = tradesOf((message.result.value as { bytes: Uint8Array }).bytes);
  for (let at = 1; at < floats.length; at += TRADE_FIELDS) sum += floats[at] ?? 0;
  return sum;
}

if (!isMainThread) {
  parentPort?.on('message', (frame: string | Uint8Array<ArrayBuffer>) =>
    parentPort?.postMessage(receive(frame)),
  );
}

export const toBrowser: Row = {
  name: 'to-browser',
  stage: 'to the browser, 10,000 trades',
  unit: 'time',
  contenders: {
    'JSON objects': (form) => timed(form, (trades) => JSON.stringify(objectsOf(trades))),
    ours: (form) => timed(form, (trades) => encodeFrame(pageOf(trades))),
  },
  against: 'JSON objects',
  must: 5,
  shall: 12,
  bytes: { most: 16 },
};
