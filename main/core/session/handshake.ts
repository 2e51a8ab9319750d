/** One handshake, to learn whether an endpoint takes a key: nothing is subscribed to and nothing recorded. */
import type { LinkProblem } from '../contract.ts';
import type { SocketFactory } from '../ports.ts';
import type { Dialect } from '../protocol/dialect.ts';
import { redactorOf } from '../redact.ts';
import { problemOfClose, problemOfError, problemOfStatus, withoutKey } from './problem.ts';

const TIME_LIMIT_MS = 10_000;
/** Redelivery may begin before the socket is ended; no message of it is looked at. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** @returns null when it opened; it is ended at once. Never rejects, and ends within its limit of 10 s */
export function tryHandshake(
  url: string,
  key: string | null,
  { header }: Dialect,
  sockets: SocketFactory,
): Promise<LinkProblem | null> {
  return new Promise((resolve) => {
    const redact = redactorOf(key);
    let opened = false;
    let refusal: LinkProblem | null = null;
    const socket = sockets(
      {
        url,
        headers: key === null ? {} : { [header.name]: header.prefix + key },
        handshakeTimeoutMs: TIME_LIMIT_MS,
        maxPayloadBytes: MAX_FRAME_BYTES,
      },
      {
        open: () => {
          opened = true;
          socket.terminate();
        },
        message: () => undefined,
        ping: () => undefined,
        pong: () => undefined,
        refused: (status, headers) => {
          refusal = problemOfStatus(status, withoutKey(headers, redact));
        },
        close: (code, reason, error) => {
          if (opened) resolve(null);
          else if (refusal !== null) resolve(refusal);
          else resolve(error === null ? problemOfClose(code, redact(reason)) : problemOfError(error, redact));
        },
      },
    );
  });
}
