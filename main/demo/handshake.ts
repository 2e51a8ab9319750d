/** How the feed answers a WebSocket handshake that it does not accept. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Endpoint } from '../core/contract.ts';

/** What the next handshakes meet, until it is taken back. */
export interface DemoFault {
  /** The answer instead of 101. Absent: the handshake is never answered. */
  readonly status?: 401 | 403 | 429 | 500 | 503;
  /** The server's words in x-inca-error-message; of those that repeat what `Authorization` held, how. */
  readonly words?: string | ((authorization: string) => string);
  /** The value of Retry-After: seconds, or a date, or anything. */
  readonly retryAfter?: string | number;
  /** Only this endpoint; absent: both. */
  readonly endpoint?: Endpoint;
  /** For so many handshakes; absent: until it is taken back. */
  readonly times?: number;
}

export interface Refusal {
  readonly status: number;
  readonly words: string;
  readonly retryAfter?: string | number;
}

const WORDS: Readonly<Record<number, string>> = {
  401: 'The API key is not valid',
  403: 'Access to this resource is denied',
  404: 'There is no such endpoint',
  429: 'Connections limit exceeded',
  500: 'Internal server error',
  503: 'Service is temporarily unavailable',
};

/** What a status means, where nobody said it in other words. */
export function wordsOf(status: number): string {
  return WORDS[status] ?? 'The request was refused';
}

/** Whether `Authorization` holds the key, or why not. */
export function authorize(header: string | undefined, key: string): Refusal | null {
  if (header === undefined) return { status: 401, words: 'The Authorization header is missing' };
  return header === key ? null : { status: 401, words: wordsOf(401) };
}

/** Answers the handshake and closes. */
export function refuse(stream: Duplex, refusal: Refusal): void {
  const body = `${JSON.stringify({ code: refusal.status, message: refusal.words })}\n`;
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? 'Refused'}`,
    `x-inca-error-message: ${headerSafe(refusal.words)}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  if (refusal.retryAfter !== undefined) lines.push(`Retry-After: ${headerSafe(String(refusal.retryAfter))}`);
  stream.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** A header's value must not end the header. */
function headerSafe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
