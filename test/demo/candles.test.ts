import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GRANULARITY_MS } from '../../main/core/contract.ts';
import type { DemoCandle } from '../../main/demo/candles.ts';
import { CandleFold, vwapText } from '../../main/demo/candles.ts';
import { readPlaybackFile, scaledUnits } from '../../main/demo/playback.ts';
import { scaledText } from '../../main/demo/texts.ts';
import { CANDLES_FILE, HAS_DATA, TRADES_FILE } from './support.ts';

function candle(parts: Partial<DemoCandle>): DemoCandle {
  return {
    granularity: '1m',
    start: 0,
    open: 1n,
    high: 1n,
    low: 1n,
    close: 1n,
    volume: 1n,
    notional: 1n,
    trades: 1,
    ...parts,
  };
}

describe('the fold', () => {
  it('gives for any trades what adding them up by period gives, beyond 2^53 too', () => {
    const trade = fc.record({
      gap: fc.integer({ min: 0, max: 200_000 }),
      price: fc.bigInt({ min: 1n, max: 10n ** 13n }),
      size: fc.bigInt({ min: 0n, max: 10n ** 15n }),
    });
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 60 }), (gaps) => {
        let time = 1_700_000_000_000;
        const trades = gaps.map(({ gap, price, size }) => ({ time: (time += gap), price, size }));
        const closed: DemoCandle[] = [];
        const fold = new CandleFold((done) => closed.push(done));
        for (const one of trades) fold.add(one.time, one.price, one.size);
        fold.closeUntil(Infinity);
        for (const granularity of ['1m', '1h'] as const) {
          const length = GRANULARITY_MS[granularity];
          const starts = [...new Set(trades.map((one) => Math.floor(one.time / length) * length))];
          const expected = starts.map((start) => {
            const inside = trades.filter((one) => one.time >= start && one.time < start + length);
            const prices = inside.map((one) => one.price);
            return {
              granularity,
              start,
              open: prices[0],
              high: prices.reduce((a, b) => (a > b ? a : b)),
              low: prices.reduce((a, b) => (a < b ? a : b)),
              close: prices.at(-1),
              volume: inside.reduce((sum, one) => sum + one.size, 0n),
              notional: inside.reduce((sum, one) => sum + one.size * one.price, 0n),
              trades: inside.length,
            };
          });
          expect(closed.filter((done) => done.granularity === granularity)).toEqual(expected);
        }
      }),
    );
  });

  it('closes a candle at the end of its period and not before', () => {
    const closed: DemoCandle[] = [];
    const fold = new CandleFold((done) => closed.push(done));
    fold.add(60_000, 5n, 1n);
    fold.closeUntil(119_999);
    expect(closed).toHaveLength(0);
    fold.closeUntil(120_000);
    expect(closed.map((done) => done.granularity)).toEqual(['1m']);
    expect(fold.current('1m')).toBeNull();
    expect(fold.current('1h')?.trades).toBe(1);
  });

  it('sums the last 60 minutes and no older one', () => {
    const fold = new CandleFold(() => undefined);
    expect(fold.lastHour()).toBeNull();
    fold.add(0, 9n, 100n);
    fold.add(60_000, 4n, 10n);
    fold.add(3_600_000, 2n, 1n);
    expect(fold.lastHour()).toMatchObject({ open: 4n, high: 4n, low: 2n, close: 2n, volume: 11n, trades: 2 });
  });
});

describe('the vwap', () => {
  it('is rounded half up at its last place', () => {
    const scale = { priceDigits: 2, sizeDigits: 0 };
    // 1.00 and 2.00, twice and once: 4/3.
    expect(vwapText(candle({ notional: 400n, volume: 3n }), scale)).toBe('1.33333333');
    expect(vwapText(candle({ notional: 500n, volume: 3n }), scale)).toBe('1.66666667');
    expect(vwapText(candle({ notional: 3_000n, volume: 3n }), scale)).toBe('10');
    expect(vwapText(candle({ notional: 100n * 3n + 1n, volume: 2n * 10n ** 6n }), scale)).toBe('0.00000151');
  });

  it('is none where nothing was traded', () => {
    expect(vwapText(candle({ notional: 0n, volume: 0n }), { priceDigits: 2, sizeDigits: 0 })).toBeNull();
  });
});

describe.skipIf(!HAS_DATA)('real trades (skipped without ../shared/data or QUIPU_TEST_DATA)', () => {
  it('fold into the 2,469 minutes that another project computed', async () => {
    const tape = await readPlaybackFile(TRADES_FILE);
    expect(tape.rows).toHaveLength(12_477);
    const closed: DemoCandle[] = [];
    const fold = new CandleFold((done) => closed.push(done));
    for (const row of tape.rows) {
      fold.add(row.time, scaledUnits(row.price, tape.priceDigits), scaledUnits(row.size, tape.sizeDigits));
    }
    fold.closeUntil(Infinity);
    const minutes = closed.filter((done) => done.granularity === '1m');
    const price = (text = ''): bigint => scaledUnits(text, tape.priceDigits);
    const expected = readFileSync(CANDLES_FILE, 'utf8').trim().split('\n').slice(1);
    expect(expected).toHaveLength(2_469);
    expect(minutes).toHaveLength(expected.length);
    expected.forEach((line, index) => {
      const [start, open, high, low, close, volume] = line.split(',');
      expect(minutes[index]).toMatchObject({
        start: Number(start),
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
      });
      const ours = Number(scaledText((minutes[index]?.volume ?? 0n).toString(), tape.sizeDigits));
      expect(Math.abs(ours - Number(volume))).toBeLessThan(1e-6);
    });
    expect(minutes.reduce((sum, minute) => sum + minute.trades, 0)).toBe(12_477);
  });
});
