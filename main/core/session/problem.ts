/**
 * What went wrong with a connection, by stable kind, with the one thing to do.
 *
 * Statuses and `x-inca-error-message` are the vendor's, from its "Getting Started" page.
 */
import type { LinkProblem } from '../contract.ts';
import { cleanWords } from '../protocol/words.ts';
import type { Redact } from '../redact.ts';
import { type Pace, USUAL_PACE } from './backoff.ts';

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
  // 511: Network Authentication Required (RFC 6585, 6).
  if ((status >= 200 && status < 300) || status === 511) {
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
      action: 'Sign in to this network if it asks you to; else check the feed’s address.',
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

/** The headers of an answer with the key taken out of the server's words, before these are cut to a length. */
export function withoutKey(headers: Headers, redact: Redact): Headers {
  const given = headers[ERROR_HEADER];
  if (given === undefined) return headers;
  return { ...headers, [ERROR_HEADER]: redact(Array.isArray(given) ? given.join(', ') : given) };
}

/** What an error of the socket means. Codes are Node's and OpenSSL's. @param redact takes the key out of its words */
export function problemOfError(error: Error, redact: Redact = (text) => text): LinkProblem {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = byCode(code, redact(error.message));
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
  if (code === 'ETIMEDOUT' || /handshake has timed out/i.test(message)) return SLOW;
  const tls = tlsWords(code);
  if (tls !== null) {
    return {
      kind: 'tls',
      message: `${tls} The key was not sent.`,
      action: 'Sign in to this network if it asks you to; else check this computer’s clock.',
    };
  }
  if (OVERSIZED.has(code)) {
    return {
      kind: 'oversized',
      message: 'The server sent a message beyond the limits of size, which was refused.',
      action: 'Quipu connects again by itself; report it to Inca Digital if it goes on.',
    };
  }
  if (code.startsWith('WS_ERR_') || code.startsWith('HPE_')) {
    return {
      kind: 'protocol',
      message: `What came is not the WebSocket protocol: ${cleanWords(message)}`,
      action: 'Check the feed’s address; Quipu connects again by itself.',
    };
  }
  return {
    kind: 'broken',
    message: `The connection broke: ${cleanWords(message)}`,
    action: 'Quipu connects again by itself.',
  };
}

const SLOW: Known = {
  kind: 'timeout',
  message: 'The server did not answer in time.',
  action: 'Check the connection; Quipu tries again by itself.',
};

/** The handshake took longer than it may. */
export const SLOW_HANDSHAKE: LinkProblem = { ...SLOW, status: null, serverWords: null };

/** A frame or message too long, or in too many pieces. */
const OVERSIZED: ReadonlySet<string> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'WS_ERR_TOO_MANY_BUFFERED_PARTS',
]);

/** Codes of Node (ERR_TLS_, ERR_SSL_) and of OpenSSL's verification, which are many. */
const ANY_TLS_CODE = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|CRL_|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)/;

function tlsWords(code: string): string | null {
  const known = TLS_CODES[code];
  if (known !== undefined) return known;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') return NO_TLS;
  return ANY_TLS_CODE.test(code)
    ? `The server’s certificate or encryption was not accepted (${code}).`
    : null;
}

const NO_TLS = 'What answers at this address does not speak TLS.';

const TLS_CODES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'The server’s certificate has expired.',
  CERT_NOT_YET_VALID: 'The server’s certificate is not valid yet.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The server’s certificate is for another address.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The server’s certificate is self-signed.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The server’s certificate chain is self-signed.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The server’s certificate could not be verified.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The server’s certificate could not be verified.',
  EPROTO: NO_TLS,
};

interface ClosePolicy {
  readonly message: string;
  readonly action: string;
  readonly pace: Pace;
}

const AGAIN = 'Quipu connects again by itself.';

/**
 * What a close code means and how to come back: RFC 6455, 7.4.1, and the registry of IANA, which for
 * 1012 asks for a delay of 5 to 30 s, and for 1013 not to come back at once.
 */
const CLOSES: Readonly<Record<number, ClosePolicy>> = {
  1000: {
    message: 'The server ended the connection in good order (1000).',
    action: AGAIN,
    pace: { floor: 500, first: 1_000 },
  },
  1001: { message: 'The server goes away (1001).', action: AGAIN, pace: { floor: 0, first: 5_000 } },
  1006: { message: 'The connection broke without a goodbye (1006).', action: AGAIN, pace: USUAL_PACE },
  1008: {
    message: 'The server ended the connection for a breach of its policy (1008).',
    action: 'Read the server’s words; ask Inca Digital what your key allows.',
    pace: { floor: 15_000, first: 30_000 },
  },
  1009: {
    message: 'A request was too long for the server (1009).',
    action: 'Quipu connects again by itself, with shorter requests.',
    pace: { floor: 1_000, first: 1_000 },
  },
  1011: {
    message: 'The server failed (1011).',
    action: 'Wait: Quipu connects again by itself.',
    pace: { floor: 1_000, first: 5_000 },
  },
  1012: {
    message: 'The server restarts (1012).',
    action: 'Wait: Quipu connects again by itself.',
    pace: { floor: 5_000, first: 25_000 },
  },
  1013: {
    message: 'The server is overloaded and asks to come back later (1013).',
    action: 'Wait: Quipu connects again by itself.',
    pace: { floor: 30_000, first: 30_000 },
  },
};

/** A connection that was open and ended. */
export function problemOfClose(code: number, reason: string): LinkProblem {
  const known = CLOSES[code];
  return {
    kind: 'closed',
    status: null,
    serverWords: reason === '' ? null : cleanWords(reason),
    closeCode: code,
    message: known?.message ?? `The server ended the connection (${code}).`,
    action: known?.action ?? AGAIN,
  };
}

/** The server ended the connection since we broke its rules, by what it says. */
export function isBreach({ closeCode }: LinkProblem): boolean {
  return closeCode === 1008;
}

/** The same again and again, so that trying on cannot help. */
export function standingBreach(problem: LinkProblem): LinkProblem {
  return {
    ...problem,
    kind: 'policy',
    message: 'The server ends every connection for a breach of its policy (1008).',
    action: 'Read the server’s words, ask Inca Digital what your key allows, then try again.',
  };
}

/** Kinds that the same attempt made at once is least likely to mend. */
const PACES: Readonly<Record<string, Pace>> = {
  'rate-limited': { floor: 5_000, first: 10_000 },
  tls: { floor: 1_000, first: 5_000 },
  portal: { floor: 1_000, first: 5_000 },
  redirect: { floor: 1_000, first: 5_000 },
  rejected: { floor: 1_000, first: 5_000 },
  oversized: { floor: 1_000, first: 5_000 },
  protocol: { floor: 1_000, first: 5_000 },
};

/** How long to wait after it, where the server did not say. */
export function paceOf({ kind, closeCode }: LinkProblem): Pace {
  const close = closeCode === undefined ? undefined : CLOSES[closeCode];
  return close?.pace ?? PACES[kind] ?? USUAL_PACE;
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

export const SUSPENDED: LinkProblem = {
  kind: 'suspended',
  status: null,
  serverWords: null,
  message: 'This computer slept.',
  action: 'Quipu connects again by itself when it wakes.',
};

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
export const RETRY_AFTER_MAX_MS = 15 * 60_000;

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
