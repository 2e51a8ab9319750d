/** What a client may say on a socket, and the answers to it. */
import type { Endpoint } from '../core/contract.ts';

/** Enough for a subscription to thousands of markets. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_TRACE_ID = 256;

export type ParsedRequest =
  | {
      readonly ok: true;
      readonly traceId: string | null;
      readonly action: 'subscribe' | 'unsubscribe';
      readonly markets: readonly string[];
      /** Indices of what is asked for in the endpoint's list of slots. */
      readonly slots: readonly number[];
    }
  | { readonly ok: false; readonly traceId: string | null; readonly message: string };

/** The slot of a market (and, for candles, granularity), or null when there is none. */
export type SlotOf = (market: string, granularity: string | null) => number | null;

/** Never throws. Either all markets of a request are known or the whole request is refused. */
export function parseRequest(text: string, endpoint: Endpoint, slotOf: SlotOf): ParsedRequest {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { ok: false, traceId: null, message: 'the message is not JSON' };
  }
  if (!isObject(message)) return { ok: false, traceId: null, message: 'the message is not an object' };
  const given = message['traceId'];
  const traceId = typeof given === 'string' && given.length <= MAX_TRACE_ID ? given : null;
  const refuse = (words: string): ParsedRequest => ({ ok: false, traceId, message: words });
  if (given !== undefined && given !== null && traceId === null) {
    return refuse(`traceId must be a string of at most ${MAX_TRACE_ID} characters`);
  }
  const action = message['type'];
  if (typeof action !== 'string') return refuse('type must be a string');
  if (action !== 'subscribe' && action !== 'unsubscribe') return refuse('unknown type');
  const payload = message['payload'];
  if (!isObject(payload)) return refuse('payload must be an object');
  const ids: unknown = payload['marketIds'];
  if (!Array.isArray(ids) || ids.length === 0) return refuse('marketIds must be a list of market ids');
  let granularity: string | null = null;
  if (endpoint === 'candles') {
    const asked = payload['granularity'];
    if (asked !== '1m' && asked !== '1h') return refuse('granularity must be 1m or 1h');
    granularity = asked;
  }
  const markets: string[] = [];
  const slots: number[] = [];
  for (const id of ids as unknown[]) {
    if (typeof id !== 'string') return refuse('marketIds must be a list of market ids');
    const slot = slotOf(id, granularity);
    if (slot === null) return refuse(`unknown market ${id.slice(0, 100)}`);
    markets.push(id);
    slots.push(slot);
  }
  return { ok: true, traceId, action, markets, slots };
}

/** The answer that a request succeeded. */
export function successMessage(traceId: string | null, markets: readonly string[]): string {
  return JSON.stringify({ ...trace(traceId), type: 'success', payload: { marketIds: markets } });
}

/** The answer that a request failed. */
export function errorMessage(traceId: string | null, message: string): string {
  return JSON.stringify({ ...trace(traceId), type: 'error', payload: { code: 'BAD_REQUEST', message } });
}

function trace(traceId: string | null): { traceId?: string } {
  return traceId === null ? {} : { traceId };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
