import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TradeBatch } from '../../../main/core/flow/batch.ts';
import {
  fingerprint,
  MOST_AT_ONCE,
  RedeliveryMemory,
  RETENTION_MS,
} from '../../../main/core/flow/redelivery.ts';

const ROW = {
  ...{ exchangeTime: 1, receiptTime: 2, priceDigits: 3, priceScale: 0 },
  ...{ sizeDigits: 4, sizeScale: 0, side: 1, origin: 0 },
};

const fail = (): string => {
  throw new Error('no fingerprint is needed of a trade with an id');
};

describe('redelivery of trades with ids', () => {
  it('drops a repeat of (market, id) and keeps the same id of another market', () => {
    const memory = new RedeliveryMemory();
    expect(memory.accept(0, '1', fail)).toBe(true);
    expect(memory.accept(0, '1', fail)).toBe(false);
    expect(memory.accept(1, '1', fail)).toBe(true);
  });

  it('remembers for the whole retention, and then forgets', () => {
    const memory = new RedeliveryMemory();
    memory.accept(0, '1', fail);
    memory.elapse(RETENTION_MS - 1);
    expect(memory.accept(0, '1', fail)).toBe(false);
    memory.elapse(RETENTION_MS * 2);
    expect(memory.accept(0, '1', fail)).toBe(true);
  });

  it('knows what an earlier run stored', () => {
    const memory = new RedeliveryMemory();
    memory.restore(0, '1', fail);
    expect(memory.accept(0, '1', fail)).toBe(false);
  });
});

describe('redelivery of trades without ids', () => {
  it('keeps identical fills of one connection', () => {
    const memory = new RedeliveryMemory();
    memory.connected();
    expect(memory.accept(0, '', () => 'x')).toBe(true);
    expect(memory.accept(0, '', () => 'x')).toBe(true);
  });

  it('after a reconnect drops as many as were accepted and accepts the excess', () => {
    const memory = new RedeliveryMemory();
    memory.connected();
    memory.accept(0, '', () => 'x');
    memory.accept(0, '', () => 'x');
    memory.connected();
    const accepted = [1, 2, 3].map(() => memory.accept(0, '', () => 'x'));
    expect(accepted).toEqual([false, false, true]);
  });

  it('accepts every sent trade exactly once, whatever is redelivered at each reconnect', () => {
    const connections = fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(connections, (sentByConnection) => {
        const memory = new RedeliveryMemory();
        const sent: string[] = [];
        const accepted: string[] = [];
        for (const fresh of sentByConnection) {
          memory.connected();
          // The server redelivers all that it sent, then goes on.
          for (const print of [...sent, ...fresh.map(String)]) {
            if (memory.accept(0, '', () => print)) accepted.push(print);
          }
          sent.push(...fresh.map(String));
        }
        expect(accepted).toEqual(sent);
      }),
    );
  });
});

describe('rows that came at once', () => {
  it('are judged as one by one, whatever came before and however they are told apart', () => {
    const each = fc.record({
      market: fc.nat(1),
      id: fc.oneof(fc.constant(''), fc.uuid(), fc.nat(9).map(String), fc.string({ unit: 'binary' })),
      pauses: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(fc.array(each, { maxLength: 20 }), { maxLength: 8 }), (packets) => {
        const [one, all] = [new RedeliveryMemory(), new RedeliveryMemory()];
        const batch = new TradeBatch(4);
        const kept = new Uint8Array(MOST_AT_ONCE);
        for (const packet of packets) {
          const first = batch.count;
          for (const { id, market } of packet) batch.push({ ...ROW, market, id });
          all.acceptRows(batch.ids, first, batch.count, kept, () => 'print');
          expect([...kept.subarray(0, packet.length)]).toEqual(
            packet.map(({ id, market }) => (one.accept(market, id, () => 'print') ? 1 : 0)),
          );
          const pauses = packet[0]?.pauses ?? 0;
          for (const memory of [one, all]) {
            memory.elapse(pauses * 60_000);
            if (pauses > 1) memory.connected();
          }
        }
      }),
    );
  });
});

it('a fingerprint tells trades apart by each of its parts', () => {
  const trade = { market: 'a', exchangeTime: 1, price: '2', size: '3', side: 'buy' };
  const others = [
    { ...trade, market: 'b' },
    { ...trade, exchangeTime: 2 },
    { ...trade, price: '3' },
    { ...trade, size: '4' },
    { ...trade, side: 'sell' },
  ];
  expect(new Set([trade, ...others].map(fingerprint)).size).toBe(6);
});
