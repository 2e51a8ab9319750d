import { expect, it } from 'vitest';
import { FrameClock } from '../../main/core/frame-clock.ts';
import { TestClock } from '../helpers/test-clock.ts';

it('a frame clock stands still while a frame is handled, and goes on after it, even one that fails', () => {
  const world = new TestClock();
  const clock = new FrameClock(world);
  const seen: number[] = [];
  const handle = (fails: boolean): void => {
    seen.push(clock.now(), clock.monotonic());
    world.advance(10);
    seen.push(clock.now(), clock.monotonic());
    if (fails) throw new Error('no');
  };
  const start = world.now();
  clock.during(handle, false);
  expect(() => clock.during(handle, true)).toThrow('no');
  expect(seen).toEqual([start, 0, start, 0, start + 10_000, 10, start + 10_000, 10]);
  expect([clock.now(), clock.monotonic()]).toEqual([start + 20_000, 20]);
});

it('a frame within frames that came at once is of their time', () => {
  const world = new TestClock();
  const clock = new FrameClock(world);
  const seen: number[] = [];
  const frame = (): void => {
    seen.push(clock.monotonic());
    world.advance(10);
  };
  clock.during(() => {
    clock.during(frame, null);
    clock.during(frame, null);
    seen.push(clock.monotonic());
  }, null);
  clock.during(frame, null);
  expect(seen).toEqual([0, 0, 0, 20]);
});
