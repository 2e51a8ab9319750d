/**
 * What is known of the time between two connections, judged by what redelivery brought
 * (the feed's description, "Redelivery", rule 6).
 */
import type { Endpoint, Gap, Millis } from '../contract.ts';

/** The server redelivers what it sent within this time. */
export const REDELIVERED_MS = 120_000;
/** After a connect, so long may redelivery take before it is judged. */
export const SETTLE_MS = 3_000;

export interface OutageEnd {
  readonly session: number;
  readonly endpoint: Endpoint;
  /** The last sign of life before it. */
  readonly from: Millis;
  /** The reconnect. */
  readonly to: Millis;
  readonly cause: string;
  /** Messages new to us whose exchange time lies before the reconnect. */
  readonly recovered: number;
  /** Messages that we held already. */
  readonly duplicates: number;
}

/**
 * The gaps that an outage leaves, oldest first: what is older than redelivery reaches is lost; the
 * rest is recovered when redelivery overlaps what was held already (or, after a longer outage, which
 * leaves nothing to overlap, when it brought anything), else unverified.
 */
export function judge(outage: OutageEnd): Gap[] {
  const { from, to, duplicates, ...rest } = outage;
  const reach = to - REDELIVERED_MS;
  if (from < reach) {
    return [
      { ...rest, from, to: reach, state: 'lost', recovered: 0, duplicates: 0 },
      { ...rest, from: reach, to, state: outage.recovered > 0 ? 'recovered' : 'unverified', duplicates },
    ];
  }
  return [{ ...rest, from, to, state: duplicates > 0 ? 'recovered' : 'unverified', duplicates }];
}
