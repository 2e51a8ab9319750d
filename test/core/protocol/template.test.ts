/** A guess at the layout of a trade: when it holds, when it fails, and what it costs to be wrong. */
import { describe, expect, it } from 'vitest';
import { DecimalReader } from '../../../main/core/protocol/decimal-reader.ts';
import { Layout, MARKET, PAIR, PRICE, SIZE, TIME, VENUE } from '../../../main/core/protocol/layout.ts';
import { type ScannedTrade, scannedTrade } from '../../../main/core/protocol/scanned-trade.ts';
import { TradeTemplate } from '../../../main/core/protocol/template.ts';
import { TimeScanner } from '../../../main/core/protocol/time.ts';
import { DECODED_TRADE, TIME as AT } from './frames.ts';

const NAMES: [field: number, name: string][] = [
  [MARKET, 'marketId'],
  [VENUE, 'marketVenue'],
  [PAIR, 'pairId'],
  [TIME, 'timestamp'],
  [PRICE, 'price'],
  [SIZE, 'size'],
];

function frameOf(values: Readonly<Record<string, string>> = {}): Buffer {
  const payload = {
    marketId: 'binance-btc-usdt',
    marketVenue: 'binance',
    pairId: 'btc-usdt',
    timestamp: '2024-01-15T18:10:07.123Z',
    price: '42519.59',
    size: '0.0125',
    ...values,
  };
  return Buffer.from(JSON.stringify({ type: 'trade', payload }));
}

function learner(): { trade: ScannedTrade; template: TradeTemplate; learn: (frame: Buffer) => void } {
  const trade = scannedTrade();
  const template = new TradeTemplate(trade, new DecimalReader(), new TimeScanner());
  return {
    trade,
    template,
    learn(frame) {
      const layout = new Layout();
      for (const [field, name] of NAMES) {
        const start = frame.indexOf(`"${name}":"`) + name.length + 4;
        layout.add(field, start, frame.indexOf('"', start));
      }
      const { payload } = JSON.parse(frame.toString()) as { payload: { marketId: string } };
      trade.market = payload.marketId;
      template.learn(frame, 0, frame.length, layout);
    },
  };
}

describe('a template', () => {
  it('guesses nothing before it has learned', () => {
    expect(learner().template.read(frameOf(), 0)).toBe(-1);
  });

  it('reads the values of a trade of the same layout, wherever it stands', () => {
    const { template, trade, learn } = learner();
    learn(frameOf());
    const next = frameOf({ timestamp: '2024-01-15T18:11:08.5Z', price: '1.50', size: '3' });
    expect(template.read(Buffer.concat([Buffer.from('\n'), next, Buffer.from(' ')]), 1)).toBe(
      next.length + 1,
    );
    expect(trade).toEqual({
      ...DECODED_TRADE,
      ...{ exchangeTime: AT + 61_377_000, priceDigits: 15, priceScale: 1, sizeDigits: 3, sizeScale: 0 },
      ...{ side: 0, id: '' },
    });
  });

  it.each([
    '2024-01-15T18:10:59.999999Z',
    '2024-01-15T18:10:00.0Z',
    '2024-01-15T18:10:07Z',
    '2024-01-15T18:10:07.123456789Z',
  ])('reads the time %s in the minute of the last one', (timestamp) => {
    const { template, trade, learn } = learner();
    learn(frameOf());
    expect(template.read(frameOf(), 0)).toBeGreaterThan(0);
    const next = frameOf({ timestamp });
    // Shorter than the usual form it is left to the scanner.
    const read = template.read(next, 0);
    if (timestamp.length >= 24) expect(read).toBe(next.length);
    if (read > 0)
      expect(trade.exchangeTime).toBe(
        Date.parse(`${timestamp.slice(0, 19)}Z`) * 1000 +
          Number(timestamp.slice(20, -1).padEnd(6, '0').slice(0, 6)),
      );
  });

  it.each<[string, Record<string, string>]>([
    ['a market that it does not know', { marketId: 'kraken-btc-usdt' }],
    ['a market whose pair is another', { pairId: 'btc-usdc' }],
    ['an escape', { marketVenue: 'a\\b' }],
    ['an exponent', { price: '1e3' }],
    ['a sign', { size: '-1' }],
    ['no price', { price: '' }],
    ['a second beyond the minute', { timestamp: '2024-01-15T18:10:60.000Z' }],
    ['another zone', { timestamp: '2024-01-15T18:10:07.12+01:00' }],
    ['one field more', { tier: '1' }],
  ])('leaves %s to the scanner', (_, values) => {
    const { template, learn } = learner();
    learn(frameOf());
    expect(template.read(frameOf(), 0)).toBeGreaterThan(0);
    expect(template.read(frameOf(values), 0)).toBe(-1);
  });

  it('does not read beyond its frame, though the memory goes on as it would', () => {
    const { template, learn } = learner();
    const whole = frameOf();
    learn(whole);
    for (let length = 0; length < whole.length; length++) {
      expect(template.read(whole.subarray(0, length), 0)).toBe(-1);
    }
  });

  it('learns each new market, but another layout only now and then', () => {
    const { template, learn } = learner();
    const other = (n: number): Buffer => frameOf({ marketId: `m${n}` });
    learn(frameOf());
    for (let n = 0; n < 100; n++) {
      expect(template.read(other(n), 0)).toBe(-1);
      learn(other(n));
      expect(template.read(other(n), 0)).toBe(other(n).length);
    }
    const strange = frameOf({ tier: '1' });
    let learned = 0;
    for (let n = 0; n < 64; n++) {
      const frame = n % 2 === 0 ? strange : frameOf();
      if (template.read(frame, 0) < 0) learn(frame);
      else learned++;
    }
    expect(learned).toBeGreaterThan(0);
  });
});
