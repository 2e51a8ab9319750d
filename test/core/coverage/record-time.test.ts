import { beforeEach, expect, it } from 'vitest';
import { RecordTime } from '../../../main/core/coverage/record-time.ts';
import type { Clock } from '../../../main/core/ports.ts';

const SECOND = 1_000_000;

let wall: number;
let monotonic: number;
let time: RecordTime;

beforeEach(() => {
  wall = 1_000 * SECOND;
  monotonic = 0;
  const never = { cancel: () => undefined };
  const clock: Clock = {
    now: () => wall,
    monotonic: () => monotonic,
    after: () => never,
    every: () => never,
  };
  time = new RecordTime(clock);
});

function pass(seconds: number): void {
  wall += seconds * SECOND;
  monotonic += seconds * 1_000;
}

it('is the wall clock’s', () => {
  pass(3);
  expect(time.now()).toBe(1_003 * SECOND);
  expect(time.at(1_000)).toBe(1_001 * SECOND);
  expect(time.offset).toBe(0);
});

it('waits for a wall clock that was set back a little', () => {
  time.now();
  wall -= 2 * SECOND;
  expect(time.now()).toBe(1_000 * SECOND);
  pass(1);
  expect([time.now(), time.offset]).toEqual([1_000 * SECOND, SECOND]);
  pass(3);
  expect([time.now(), time.offset]).toEqual([1_002 * SECOND, 0]);
});

it('goes on as if nothing was when the wall clock was set back by a day', () => {
  pass(1);
  time.now();
  wall -= 86_400 * SECOND;
  pass(10);
  expect(time.now()).toBe(1_011 * SECOND);
  pass(10);
  expect(time.now()).toBe(1_021 * SECOND);
  expect(time.offset).toBe(86_400 * SECOND);
});

it('a sleep lies after the moments before it, though the monotonic clock stood still', () => {
  pass(10);
  time.now();
  wall += 600 * SECOND;
  pass(2);
  expect(time.now()).toBe(1_612 * SECOND);
  // A link that was heard last a second before the sleep.
  expect(time.at(9_000)).toBe(1_009 * SECOND);
  // One that was heard between two readings, perhaps before the sleep.
  expect(time.at(11_000)).toBe(1_011 * SECOND);
  pass(2);
  expect(time.at(13_000)).toBe(1_613 * SECOND);
});
