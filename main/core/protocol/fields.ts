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
  'venue',
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

/** Whether the name means something without a dialect. */
export function isKnown(name: string): boolean {
  return known(name) !== null;
}

function known(spelling: string): FieldName | null {
  if (spelling.length > LONGEST) return null;
  const seen = spellings.get(spelling);
  if (seen !== undefined) return seen;
  const name = KNOWN.get(spelling.toLowerCase().replace(/[_-]/g, '')) ?? null;
  if (spellings.size >= MOST_SPELLINGS) spellings.clear();
  spellings.set(spelling, name);
  return name;
}

/**
 * The object's known fields.
 *
 * @param granularity what a dialect calls the granularity, when that is no known name
 */
export function fieldsOf(object: JsonObject, granularity: string | null = null): Fields {
  const fields = new Map<FieldName, JsonValue>();
  for (const [index, spelling] of object.names.entries()) {
    const name = known(spelling) ?? (spelling === granularity ? 'granularity' : null);
    const value = object.values[index];
    if (name !== null && value !== undefined) fields.set(name, value);
  }
  return fields;
}

/** Known fields that note which of them were read, and how each is spelled in the message. */
export class TracedFields extends Map<FieldName, JsonValue> {
  readonly #spellings = new Map<FieldName, string>();
  readonly #read = new Set<FieldName>();
  /** Before the names, for those of an object within another: `market.`. */
  readonly prefix: string;

  constructor(object: JsonObject, granularity: string | null, prefix = '') {
    super(fieldsOf(object, granularity));
    this.prefix = prefix;
    for (const spelling of object.names) {
      const name = known(spelling) ?? (spelling === granularity ? 'granularity' : null);
      if (name !== null) this.#spellings.set(name, spelling);
    }
  }

  override get(name: FieldName): JsonValue | undefined {
    const value = super.get(name);
    if (value !== undefined && value !== null) this.#read.add(name);
    return value;
  }

  /** How the field is written in the message, when it was read and said something. */
  spellingOf(name: FieldName): string | null {
    return this.#read.has(name) ? `${this.prefix}${this.#spellings.get(name) ?? name}` : null;
  }
}

/** Fields of an object that a field of `outer` holds; traced when those are. */
export function fieldsWithin(outer: Fields, object: JsonObject): Fields {
  return outer instanceof TracedFields ? new TracedFields(object, null, 'market.') : fieldsOf(object);
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
