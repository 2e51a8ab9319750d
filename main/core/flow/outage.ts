/**
 * What is known of the time between two connections, judged by what redelivery brought
 * (the feed's description, "Redelivery", rule 6). The one place of that rule: an endpoint's gaps and
 * every market's coverage are judged here.
 */
import type { GapState } from '../contract.ts';

/** The server redelivers what it sent within this time. */
export const REDELIVERED_MS = 120_000;
/** After a connect, so long may redelivery take before it is judged. */
export const SETTLE_MS = 3_000;

/** Times in any unit, one for all. */
export interface OutageEnd {
  /** The last sign of life before it. */
  readonly from: number;
  /** When what was sent live arrived again. */
  readonly to: number;
  /** The oldest time that redelivery reaches. */
  readonly reach: number;
  /** Messages new to us whose exchange time lies before the reconnect, by more than clocks differ and messages take. */
  readonly recovered: number;
  /** Messages that we held already. */
  readonly duplicates: number;
}

export interface Judgement {
  readonly from: number;
  readonly to: number;
  readonly state: GapState;
}

/**
 * The stretches that an outage leaves, oldest first: what is older than redelivery reaches is lost; the
 * rest is recovered when redelivery overlaps what was held already (or, after a longer outage, which
 * leaves nothing to overlap, when it brought anything), else unverified.
 */
export function judge(outage: OutageEnd): Judgement[] {
  const { from, to, reach, recovered, duplicates } = outage;
  if (from < reach) {
    return [
      { from, to: reach, state: 'lost' },
      { from: reach, to, state: recovered + duplicates > 0 ? 'recovered' : 'unverified' },
    ];
  }
  return [{ from, to, state: duplicates > 0 ? 'recovered' : 'unverified' }];
}
