/** The machine's own clock and timers. */
import { performance } from 'node:perf_hooks';
import type { Clock } from './ports.ts';

export const systemClock: Clock = {
  now: () => Date.now() * 1_000,
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return { cancel: () => clearInterval(timer) };
  },
};
