/** When to try again. */

const FIRST_MS = 1_000;
/** faults.md, row 21. */
const CAP_MS = 60_000;

/**
 * Back-off with full jitter: anywhere from zero to an exponentially growing bound, so that many
 * clients of a restarted server do not come back together (AWS Architecture Blog, "Exponential
 * Backoff And Jitter").
 *
 * @param attempt attempts since the last good message; 0 for the first
 * @param random in [0, 1)
 * @returns milliseconds to wait
 */
export function backoff(attempt: number, random: number): number {
  return Math.round(random * Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt, 16)));
}
