/** How far this computer's clock is from the server's, by what the handshake told. */
import type { Micros } from '../contract.ts';
import type { HandshakeHeaders } from '../ports.ts';

/** RFC 9110, 5.6.7: what every sender of today writes. The two older forms are not worth their traps. */
const IMF_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
/** The header has whole seconds, cut: on average so much of one is missing. */
const HALF_SECOND_MS = 500;

/**
 * This computer's clock minus the server's, ms, good to half a second and half of the handshake.
 *
 * @param now this computer's clock when the answer came
 * @param handshakeMs from the request to the answer; the server wrote its date about halfway
 * @returns null when the server sent no date that can be read
 */
export function clockOffset(headers: HandshakeHeaders, now: Micros, handshakeMs: number): number | null {
  const date = headers['date'];
  if (typeof date !== 'string' || !IMF_DATE.test(date)) return null;
  const server = Date.parse(date) + HALF_SECOND_MS;
  return Number.isNaN(server) ? null : now / 1000 - handshakeMs / 2 - server;
}
