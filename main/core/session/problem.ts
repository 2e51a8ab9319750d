/**
 * What went wrong with a connection, by stable kind, with the one thing to do.
 *
 * Statuses and `x-inca-error-message` are the vendor's, from its "Getting Started" page.
 */
import type { LinkProblem } from '../contract.ts';
import { cleanWords } from '../protocol/words.ts';

export const ERROR_HEADER = 'x-inca-error-message';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a handshake that was answered with `status` instead of 101 means. */
export function problemOfStatus(status: number, headers: Headers): LinkProblem {
  const given = headers[ERROR_HEADER];
  const serverWords =
    given === undefined ? null : cleanWords(Array.isArray(given) ? given.join(', ') : given);
  const known = STATUSES[status] ?? family(status);
  return { ...known, status, serverWords };
}

type Known = Pick<LinkProblem, 'kind' | 'message' | 'action'>;

const STATUSES: Readonly<Record<number, Known>> = {
  401: {
    kind: 'unauthorized',
    message: 'The server does not accept this API key.',
    action: 'Enter the key that Inca Digital gave you.',
  },
  403: {
    kind: 'forbidden',
    message: 'This API key may not use this feed.',
    action: 'Ask Inca Digital to enable it for your key, or enter another key.',
  },
  429: {
    kind: 'rate-limited',
    message: 'The server’s limit of connections or of transferred bytes is exceeded.',
    action: 'Close other programs that use this key, or wait: Quipu tries again by itself.',
  },
  503: {
    kind: 'unavailable',
    message: 'The server is not available now.',
    action: 'Wait: Quipu tries again by itself.',
  },
};

function family(status: number): Known {
  if (status >= 200 && status < 300) {
    return {
      kind: 'portal',
      message: `A web page (status ${status}) answered instead of the feed.`,
      action: 'Sign in to this network if it asks you to, then try again.',
    };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'redirect',
      message: `The server points to another address (status ${status}), which Quipu does not follow with your key.`,
      action: 'Check the feed’s address in the settings.',
    };
  }
  return status >= 500
    ? {
        kind: 'unavailable',
        message: `The server failed (status ${status}).`,
        action: 'Wait: Quipu tries again by itself.',
      }
    : {
        kind: 'rejected',
        message: `The server refused the connection (status ${status}).`,
        action: 'Check the feed’s address in the settings.',
      };
}

/** What an error of the socket means. Codes are Node's and OpenSSL's. */
export function problemOfError(error: Error): LinkProblem {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = byCode(code, error.message);
  return { ...known, status: null, serverWords: null };
}

function byCode(code: string, message: string): Known {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      kind: 'dns',
      message: 'The feed’s address could not be looked up.',
      action: 'Check that this computer is online.',
    };
  }
  if (code === 'ECONNREFUSED') {
    return {
      kind: 'unreachable',
      message: 'No server answers at the feed’s address.',
      action: 'Check the address; Quipu tries again by itself.',
    };
  }
  if (code === 'ENETUNREACH' || code === 'EHOSTUNREACH' || code === 'ENETDOWN' || code === 'EADDRNOTAVAIL') {
    return {
      kind: 'unreachable',
      message: 'The network is down or has no way to the feed.',
      action: 'Check that this computer is online.',
    };
  }
  if (code === 'ETIMEDOUT' || /handshake has timed out/i.test(message)) {
    return {
      kind: 'timeout',
      message: 'The server did not answer in time.',
      action: 'Check the connection; Quipu tries again by itself.',
    };
  }
  const tls = TLS_CODES[code];
  if (tls !== undefined) {
    return {
      kind: 'tls',
      message: `${tls} The key was not sent.`,
      action: 'Check this computer’s clock and whether the network inspects connections.',
    };
  }
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
    return {
      kind: 'oversized',
      message: 'The server sent a message beyond the limit of size, which was refused.',
      action: 'Quipu connects again by itself; report it to Inca Digital if it goes on.',
    };
  }
  return {
    kind: 'broken',
    message: `The connection broke: ${cleanWords(message)}`,
    action: 'Quipu connects again by itself.',
  };
}

const TLS_CODES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'The server’s certificate has expired.',
  CERT_NOT_YET_VALID: 'The server’s certificate is not valid yet.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The server’s certificate is for another address.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The server’s certificate is self-signed.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The server’s certificate chain is self-signed.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The server’s certificate could not be verified.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The server’s certificate could not be verified.',
  EPROTO: 'The server does not speak TLS at this address.',
};

/** A connection that was open and ended. */
export function problemOfClose(code: number, reason: string): LinkProblem {
  const serverWords = reason === '' ? null : cleanWords(reason);
  const policy =
    code === 1008
      ? { message: 'The server ended the connection for a breach of its policy (1008).' }
      : code === 1013
        ? { message: 'The server asks to come back later (1013).' }
        : code === 1006
          ? { message: 'The connection broke without a goodbye (1006).' }
          : { message: `The server ended the connection (${code}).` };
  return { kind: 'closed', status: null, serverWords, ...policy, action: 'Quipu connects again by itself.' };
}

/** Open by the socket's account, but nothing comes: a frozen or half-open peer. */
export function problemOfSilence(ms: number): LinkProblem {
  return {
    kind: 'stale',
    status: null,
    serverWords: null,
    message: `Nothing came from the server for ${Math.round(ms / 1000)} s.`,
    action: 'Quipu connects again by itself.',
  };
}

export const NO_KEY: LinkProblem = {
  kind: 'no-key',
  status: null,
  serverWords: null,
  message: 'There is no API key.',
  action: 'Enter your key.',
};

/** Kinds for which trying again with the same key cannot help. */
export function endsAttempts(problem: LinkProblem): boolean {
  return problem.kind === 'unauthorized' || problem.kind === 'forbidden' || problem.kind === 'no-key';
}

/** Bounds of faults.md, row 23. */
const RETRY_AFTER_MIN_MS = 1_000;
const RETRY_AFTER_MAX_MS = 15 * 60_000;

/**
 * How long a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks to wait.
 *
 * @param now milliseconds since the epoch, for the date form
 * @returns milliseconds from 1 s to 15 min, or null when there is none that can be read
 */
export function retryAfter(headers: Headers, now: number): number | null {
  const given = headers['retry-after'];
  if (typeof given !== 'string') return null;
  const text = given.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(ms)) return null;
  return Math.min(Math.max(ms, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS);
}
