/**
 * What is assumed of the feed beyond the vendor's public page, as data.
 *
 * The vendor documents the addresses, the header, the three fields of a message and the redelivery;
 * the names inside `payload` are an assumption. They stand here and nowhere else, so that another
 * dialect is another value of `Dialect` and no other code.
 */
import type { Endpoint, Granularity } from '../contract.ts';
import type { FeedAddresses } from '../ports.ts';

export interface SubscribeRequest {
  readonly endpoint: Endpoint;
  readonly action: 'subscribe' | 'unsubscribe';
  readonly traceId: string;
  /** One market when `Dialect.batched` is false. */
  readonly markets: readonly string[];
  /** For candles only. */
  readonly granularity: Granularity | null;
  /** Of the first market, for a dialect that asks by them. */
  readonly names?: MarketNames | null;
}

/** What the dictionary names a market by beside its id. */
export interface MarketNames {
  readonly venue: string;
  readonly pair: string;
}

/** What a message is, by its `type`. */
export type MessageKind = 'trade' | 'candle' | 'ack' | 'error';

/** A JSON value whose strings may be placeholders: see `RequestForm`. */
export type Template =
  string | number | boolean | null | readonly Template[] | { readonly [name: string]: Template };

/** A message that the client sends. */
export interface RequestForm {
  readonly type: string;
  /**
   * The payload. A string that is exactly `{marketIds}` stands for the array of ids; within a string,
   * `{marketId}`, `{venue}` and `{pair}` stand for the one market's id and names. The granularity is
   * added under `granularityField` when the request has one.
   */
  readonly payload: { readonly [name: string]: Template };
}

export interface Dialect {
  readonly addresses: FeedAddresses;
  /** The handshake's header: `name: <prefix><key>`. */
  readonly header: { readonly name: string; readonly prefix: string };
  readonly subscribe: RequestForm;
  readonly unsubscribe: RequestForm;
  /** Many ids in one message, or one message for each. */
  readonly batched: boolean;
  readonly granularityField: string;
  /** Inbound `type` to kind. A type that is not here is judged by traceId, then by shape. */
  readonly types: Readonly<Record<string, MessageKind>>;
  /** Whether a candle's time is its period's start or its end. */
  readonly candleTime: 'start' | 'end';
  /** How long an acknowledgement may take before its markets are "unconfirmed", ms. */
  readonly ackTime: number;
}

export const DEFAULT_DIALECT: Dialect = {
  addresses: {
    trades: 'wss://api.financial.inca.digital/ws/trades',
    candles: 'wss://api.financial.inca.digital/ws/trade-metrics',
    dictionary: 'https://api.financial.inca.digital/dictionaries/v2/trades',
  },
  header: { name: 'Authorization', prefix: '' },
  subscribe: { type: 'subscribe', payload: { marketIds: '{marketIds}' } },
  unsubscribe: { type: 'unsubscribe', payload: { marketIds: '{marketIds}' } },
  batched: true,
  granularityField: 'granularity',
  types: {
    trade: 'trade',
    'trade-metrics': 'candle',
    success: 'ack',
    error: 'error',
    failure: 'error',
  },
  candleTime: 'start',
  ackTime: 5_000,
};

/** What may stand in a payload's strings. */
export const PLACEHOLDERS = ['marketIds', 'marketId', 'venue', 'pair'] as const;
const ONE_MARKET = /\{(marketId|venue|pair)\}/g;

/** Whether it asks for markets by venue and pair, which only the dictionary can tell. */
export function asksByNames({ subscribe, unsubscribe }: Dialect): boolean {
  return stringsOf([subscribe.payload, unsubscribe.payload]).some((text) => /\{(venue|pair)\}/.test(text));
}

/** Every string of a template that may hold placeholders. */
export function stringsOf(template: Template): string[] {
  if (typeof template === 'string') return [template];
  if (typeof template !== 'object' || template === null) return [];
  return (isList(template) ? template : Object.values(template)).flatMap(stringsOf);
}

/** The text of the message that asks for it. */
export function subscribeMessage(dialect: Dialect, request: SubscribeRequest): string {
  const form = request.action === 'subscribe' ? dialect.subscribe : dialect.unsubscribe;
  const payload = Object.entries(form.payload).map(([name, value]) => [name, fill(value, request)]);
  if (request.granularity !== null) payload.push([dialect.granularityField, request.granularity]);
  return JSON.stringify({
    traceId: request.traceId,
    type: form.type,
    payload: Object.fromEntries(payload) as unknown,
  });
}

function fill(template: Template, request: SubscribeRequest): unknown {
  if (template === '{marketIds}') return request.markets;
  if (typeof template === 'string') {
    return template.replace(ONE_MARKET, (_whole, name: string) => oneMarket(name, request));
  }
  if (typeof template !== 'object' || template === null) return template;
  if (isList(template)) return template.map((each) => fill(each, request));
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, fill(value, request)]));
}

function oneMarket(placeholder: string, { markets, names }: SubscribeRequest): string {
  if (placeholder === 'marketId') return markets[0] ?? '';
  return (placeholder === 'venue' ? names?.venue : names?.pair) ?? '';
}

function isList(template: object): template is readonly Template[] {
  return Array.isArray(template);
}
