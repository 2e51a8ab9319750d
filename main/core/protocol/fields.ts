/** Field names as servers write them, to the few that the decoder knows. */
import { RawNumber, JsonObject } from './json.ts';
import type { JsonValue } from './json.ts';

/** Known names without case, `_` and `-`. */
const NAMES = [
  'type',
  'traceid',
  'payload',
  'data',
  'trades',
  'items',
  'metrics',
  'id',
  'tradeid',
  'marketid',
  'marketids',
  'market',
  'markets',
  'marketvenue',
  'marketvenueid',
  'exchange',
  'pairid',
  'pair',
  'timestamp',
  'timeexchange',
  'starttime',
  'time',
  'price',
  'size',
  'volume',
  'amount',
  'quantity',
  'qty',
  'side',
  'takerside',
  'isbuyside',
  'isbuyermaker',
  'open',
  'high',
  'low',
  'close',
  'vwap',
  'tradecount',
  'tradescount',
  'count',
  'granularity',
  'final',
  'isfinal',
  'closed',
  'isclosed',
  'complete',
  'iscomplete',
  'code',
  'message',
  'errors',
] as const;

export type FieldName = (typeof NAMES)[number];

/** The known fields of one object; of a name that comes twice the last, as in JSON.parse. */
export type Fields = ReadonlyMap<FieldName, JsonValue>;

const KNOWN: ReadonlyMap<string, FieldName> = new Map(NAMES.map((name) => [name, name]));
/** The longest known name, with room for separators; a longer one is none of them. */
const LONGEST = 32;

/** Spelling to known name (null: unknown), for those seen lately. */
const spellings = new Map<string, FieldName | null>();
const MOST_SPELLINGS = 1024;

function known(spelling: string): FieldName | null {
  if (spelling.length > LONGEST) return null;
  const seen = spellings.get(spelling);
  if (seen !== undefined) return seen;
  const name = KNOWN.get(spelling.toLowerCase().replace(/[_-]/g, '')) ?? null;
  if (spellings.size >= MOST_SPELLINGS) spellings.clear();
  spellings.set(spelling, name);
  return name;
}

export function fieldsOf(object: JsonObject): Fields {
  const fields = new Map<FieldName, JsonValue>();
  for (const [index, spelling] of object.names.entries()) {
    const name = known(spelling);
    const value = object.values[index];
    if (name !== null && value !== undefined) fields.set(name, value);
  }
  return fields;
}

/** The first of `names` whose value is there and not null. */
export function first(fields: Fields, names: readonly FieldName[]): JsonValue | undefined {
  for (const name of names) {
    const value = fields.get(name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** A string, or a number as it was written; null for anything else and for the empty string. */
export function textOf(value: JsonValue | undefined): string | null {
  if (value instanceof RawNumber) return value.text;
  return typeof value === 'string' && value !== '' ? value : null;
}
