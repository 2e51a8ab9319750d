/** One page of the REST dictionary: asked for, bounded and told apart from what only looks like it. */
import type { LinkProblem } from '../contract.ts';
import type { Clock } from '../ports.ts';
import { cleanWords } from '../protocol/words.ts';
import { ERROR_HEADER, problemOfError, retryAfter } from '../session/problem.ts';
import { isFields } from './item.ts';

/** For all of a page, from the look-up of the address to its last byte. */
export const PAGE_LIMIT_MS = 20_000;
/** A page of the API's largest size has some 3 MB. */
export const MAX_PAGE_BYTES = 16 * 1024 * 1024;

export interface DictionaryPage {
  readonly content: readonly unknown[];
  readonly hasNext: boolean;
  /** null where the server did not say. */
  readonly totalPages: number | null;
  readonly totalElements: number | null;
}

/** Why a page was not read. */
export class PageError extends Error {
  override readonly name = 'PageError';
  readonly problem: LinkProblem;
  /** Milliseconds that the server asks to wait, or null. */
  readonly wait: number | null;

  constructor(problem: LinkProblem, wait: number | null = null) {
    super(problem.message);
    this.problem = problem;
    this.wait = wait;
  }
}

export interface PageRequest {
  readonly url: string;
  /** The number of the page, from 0. */
  readonly page: number;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** Aborted when nobody wants the page any more. */
  readonly ended: AbortSignal;
}

/** @throws {PageError} */
export async function readPage({ url, page, fetch, clock, ended }: PageRequest): Promise<DictionaryPage> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  let isSlow = false;
  const limit = clock.after(PAGE_LIMIT_MS, () => {
    isSlow = true;
    abort();
  });
  ended.addEventListener('abort', abort);
  try {
    ended.throwIfAborted();
    const response = await fetch(url, {
      signal: stop.signal,
      // Not followed, and seen as what it is: 'error' would be told as any failure of the network.
      redirect: 'manual',
      headers: { Accept: 'application/json' },
    });
    try {
      return await pageOf(response, page, Math.floor(clock.now() / 1000));
    } finally {
      // A body that was not read to its end holds its connection.
      void response.body?.cancel().catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof PageError) throw error;
    if (isSlow) throw problem('timeout', 'The server did not answer in time.', NETWORK);
    throw new PageError(networkProblem(error));
  } finally {
    limit.cancel();
    ended.removeEventListener('abort', abort);
  }
}

async function pageOf(response: Response, page: number, now: number): Promise<DictionaryPage> {
  if (response.type === 'opaqueredirect') throw statusError(302, response, now);
  if (!response.ok) throw statusError(response.status, response, now);
  const type = response.headers.get('content-type') ?? '';
  if (/\bhtml\b/i.test(type)) throw portal(response.status);
  const text = await bodyOf(response);
  const found = textOf(text);
  if (found === undefined) {
    if (/^\s*</.test(text)) throw portal(response.status);
    throw malformed('it is no JSON');
  }
  if (!isFields(found) || !Array.isArray(found['content'])) throw malformed('it has no list of markets');
  const { hasNext, totalPages, totalElements } = found;
  const pages = wholeOf(totalPages);
  return {
    content: found['content'],
    hasNext: typeof hasNext === 'boolean' ? hasNext : pages !== null && page + 1 < pages,
    totalPages: pages,
    totalElements: wholeOf(totalElements),
  };
}

/** As UTF-8. @throws {PageError} when it is longer than a page can be, as soon as that is known */
async function bodyOf(response: Response): Promise<string> {
  if (Number(response.headers.get('content-length') ?? 0) > MAX_PAGE_BYTES) throw oversized();
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const piece of response.body as ReadableStream<Uint8Array>) {
    bytes += piece.byteLength;
    if (bytes > MAX_PAGE_BYTES) throw oversized();
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function textOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wholeOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

const AGAIN = 'Quipu tries again by itself.';
const NETWORK = 'Check the connection; Quipu tries again by itself.';

function problem(kind: string, message: string, action: string): PageError {
  return new PageError({ kind, status: null, serverWords: null, message, action });
}

function portal(status: number): PageError {
  return new PageError({
    kind: 'portal',
    status,
    serverWords: null,
    message: 'A web page answered instead of the list of markets.',
    action: 'Sign in to this network if it asks you to, then reload.',
  });
}

function oversized(): PageError {
  return problem(
    'oversized',
    'The server’s answer is too long for a page of markets; it was refused.',
    AGAIN,
  );
}

/** @param why completes `The server’s answer cannot be read: ...` */
export function malformed(why: string): PageError {
  return problem(
    'malformed',
    `The server’s answer is no list of markets: ${why}.`,
    'Check the dictionary’s address; Quipu tries again by itself.',
  );
}

/** The dictionaries need no key, so a refusal is not of the key. */
function statusError(status: number, { headers }: Response, now: number): PageError {
  const words = headers.get(ERROR_HEADER);
  const [kind, message, action] = ofStatus(status);
  return new PageError(
    { kind, status, serverWords: words === null ? null : cleanWords(words), message, action },
    retryAfter({ 'retry-after': headers.get('retry-after') ?? undefined }, now),
  );
}

function ofStatus(status: number): readonly [kind: string, message: string, action: string] {
  if (status === 429) {
    return [
      'rate-limited',
      'The server’s limit of requests or of transferred bytes is exceeded (status 429).',
      'Wait: Quipu tries again by itself.',
    ];
  }
  if (status === 511) {
    return ['portal', 'This network asks for a sign-in (status 511).', 'Sign in to it, then reload.'];
  }
  if (status >= 300 && status < 400) {
    return [
      'redirect',
      `The server points to another address (status ${status}), which Quipu does not follow.`,
      'Sign in to this network if it asks you to; else check the dictionary’s address.',
    ];
  }
  if (status >= 500) {
    return ['unavailable', `The server failed (status ${status}).`, 'Wait: Quipu tries again by itself.'];
  }
  if (status === 401) {
    return ['unauthorized', 'The server asks for a key, which the dictionary should not need.', AGAIN];
  }
  if (status === 403) {
    return ['forbidden', 'The server denies access to the list of markets.', 'Ask Inca Digital why.'];
  }
  return [
    'rejected',
    `The server refused the request (status ${status}).`,
    'Check the dictionary’s address; Quipu tries again by itself.',
  ];
}

/** fetch hides the system's error in `cause`. */
function networkProblem(error: unknown): LinkProblem {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const found = problemOfError(cause instanceof Error ? cause : new Error(String(cause)));
  if (found.kind !== 'broken') return found;
  return { ...found, action: NETWORK };
}
