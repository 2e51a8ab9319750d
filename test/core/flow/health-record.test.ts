import { expect, test } from 'vitest';
import { HealthRecord } from '../../../main/core/flow/health-record.ts';

const MINUTE = 60_000;

test('a frame belongs to the minute in which it came, whenever anybody looks', () => {
  let ms = 0;
  const health = new HealthRecord(() => ms * 1000);
  const meter = health.meter('trades');
  health.begin(1, { trades: true, candles: true });
  const counted = (): [number, number][] =>
    health
      .take()
      .filter(({ endpoint }) => endpoint === 'trades')
      .map(({ at, messages }) => [at / MINUTE, messages]);
  for (const at of [MINUTE - 1, MINUTE, MINUTE + 1, 3 * MINUTE]) {
    ms = at;
    meter.frame(10);
  }
  // In the minutes in which nothing came, nobody looked either: as if this computer slept.
  expect(counted()).toEqual([
    [0, 1],
    [1, 2],
  ]);
  ms = 2 * MINUTE;
  meter.frame(10);
  ms = 3 * MINUTE + 1;
  health.end();
  expect(counted()).toEqual([[3, 2]]);
});

test('minutes that wait for the disk are bounded, and the newest are kept', () => {
  let ms = 0;
  const health = new HealthRecord(() => ms * 1000);
  health.begin(1, { trades: true, candles: true });
  for (let minute = 1; minute <= 2_000; minute++) {
    ms = minute * MINUTE;
    health.roll();
    health.back(health.take());
  }
  const kept = health.take();
  expect(kept).toHaveLength(2_880);
  expect([kept[0]?.at, kept.at(-1)?.at]).toEqual([560 * MINUTE, 1_999 * MINUTE]);
});
