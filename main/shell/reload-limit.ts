/** A page that keeps crashing is not loaded again for ever. */

const MOST = 3;
const WITHIN_MS = 60_000;

export interface ReloadLimit {
  /** Whether it may be loaded again by itself; counts when it may. @param now ms of a clock that never goes back */
  take(now: number): boolean;
  /** The user asked for another try. */
  reset(): void;
}

export function reloadLimit(): ReloadLimit {
  let times: number[] = [];
  return {
    take(now) {
      times = times.filter((time) => now - time < WITHIN_MS);
      if (times.length >= MOST) return false;
      times.push(now);
      return true;
    },
    reset() {
      times = [];
    },
  };
}
