/** When to try again. */

const FIRST_MS = 1_000;
/** faults.md, row 21. */
const CAP_MS = 60_000;

/** How the waits for one kind of trouble begin: each is at least `floor`, the first at most `floor + first`, ms. */
export interface Pace {
  readonly floor: number;
  readonly first: number;
}

export const USUAL_PACE: Pace = { floor: 0, first: FIRST_MS };

/**
 * Back-off with full jitter: anywhere between the pace's floor and an exponentially growing bound, so
 * that many clients of a restarted server do not come back together (AWS Architecture Blog,
 * "Exponential Backoff And Jitter").
 *
 * @param attempt attempts since the last good message; 0 for the first
 * @param random in [0, 1)
 * @returns milliseconds to wait, at most 60,000
 */
export function backoff(attempt: number, random: number, pace: Pace = USUAL_PACE): number {
  const room = Math.min(CAP_MS - pace.floor, pace.first * 2 ** Math.min(attempt, 16));
  return Math.round(pace.floor + random * room);
}

/**
 * How many attempts are left, as a bucket that fills slowly. Back-off alone does not bound them: a
 * server that sends a good message and drops the link resets it each time (faults.md, row 20).
 */
export interface Allowance {
  readonly left: number;
  /** Monotonic ms of this reading. */
  readonly at: number;
}

const BURST = 20;
/** In any hour at most 20 + 3,600 s / 36.5 s = 118 attempts, under the 120 of faults.md, row 20. */
const REFILL_MS = 36_500;
/** On top of the wait for the next one, or all clients that flapped together would come back together. */
const SPREAD_MS = 5_000;

export const FULL_ALLOWANCE: Allowance = { left: BURST, at: 0 };

/** The allowance after one attempt now; one that the user asks for is never denied. */
export function spend(allowance: Allowance, at: number): Allowance {
  return { left: Math.max(0, filled(allowance, at) - 1), at };
}

/** Milliseconds until another attempt is allowed; 0 when one is left. */
export function untilAllowed(allowance: Allowance, at: number, random: number): number {
  const left = filled(allowance, at);
  return left >= 1 ? 0 : Math.ceil((1 - left) * REFILL_MS + random * SPREAD_MS);
}

function filled({ left, at: read }: Allowance, at: number): number {
  return Math.min(BURST, left + (at - read) / REFILL_MS);
}
