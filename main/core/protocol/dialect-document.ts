/**
 * A user's own dialect as a JSON document: what differs from the default, and nothing else. It comes from
 * an editor or a file, so all of it is checked, and all that is wrong is told at once, with its place.
 * docs/dialect.md is its reference.
 */
import type { DialectProblem } from '../contract.ts';
import type { FeedAddresses } from '../ports.ts';
import { addressFault, type AddressUse, plainAddress } from './address.ts';
import {
  DEFAULT_DIALECT,
  type Dialect,
  type MessageKind,
  PLACEHOLDERS,
  type RequestForm,
  stringsOf,
  type Template,
} from './dialect.ts';
import { type JsonField, type JsonNode, readDocument } from './document-json.ts';

/** Bytes of UTF-8. */
export const MAX_DOCUMENT = 64 * 1024;
/** Raised when an older Quipu could misread a document. */
export const DOCUMENT_VERSION = 1;
const MARKER = 'quipuDialect';

const MAX_DEPTH = 12;
const MAX_NAME = 60;
const MAX_WORD = 200;
const MAX_TYPES = 100;
const MOST_PROBLEMS = 100;
export const MIN_ACK_TIME = 500;
export const MAX_ACK_TIME = 120_000;

/** Names that mean something else to JavaScript: nothing may be filed under them. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
/** Of the handshake itself: with one of these as the key's header it could not be made. */
const RESERVED_HEADERS = /^(host|connection|upgrade|content-length|transfer-encoding|te|trailer|sec-.*)$/i;
/** RFC 9110, 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
const HEADER_PREFIX = /^[\x20-\x7e]{0,100}$/;
/** Characters that are not seen, or that turn others around. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const PLACEHOLDER = /\{(\w+)\}/g;
const NAMES_ONE_MARKET = /\{(?:marketId|venue|pair)\}/;

const KINDS: readonly MessageKind[] = ['trade', 'candle', 'ack', 'error'];
const CANDLE_TIMES: readonly Dialect['candleTime'][] = ['start', 'end'];
const ADDRESS_USE: Readonly<Record<keyof FeedAddresses, AddressUse>> = {
  trades: 'socket',
  candles: 'socket',
  dictionary: 'web',
};
const FIELDS = [
  MARKER,
  'name',
  'addresses',
  'header',
  'subscribe',
  'unsubscribe',
  'batched',
  'granularityField',
  'types',
  'candleTime',
  'ackTime',
] as const;

export interface DialectDocument {
  /** For people; empty when it has none. */
  readonly name: string;
  readonly dialect: Dialect;
}

export type ParsedDialect =
  | { readonly ok: true; readonly document: DialectDocument }
  /** In the order of the text; at least one. */
  | { readonly ok: false; readonly problems: readonly DialectProblem[] };

/** Checks a document. Never throws. */
export function parseDialect(text: string): ParsedDialect {
  const check = new Check(text);
  const document = check.document();
  return check.problems.length === 0 && document !== null
    ? { ok: true, document }
    : { ok: false, problems: check.problems };
}

type Place = Pick<JsonNode, 'from' | 'to'>;
/** The known fields of one object, by name. */
type Known = ReadonlyMap<string, JsonField>;
const NOWHERE: Place = { from: 0, to: 0 };

/** One reading of one document. Each reader notes what is wrong and goes on with the default in its place. */
class Check {
  readonly #text: string;
  readonly #problems: { readonly path: string; readonly message: string; readonly place: Place }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  get problems(): readonly DialectProblem[] {
    return this.#problems
      .sort((a, b) => a.place.from - b.place.from)
      .slice(0, MOST_PROBLEMS)
      .map(({ path, message, place: { from, to } }) => {
        const lines = this.#text.slice(0, from).split('\n');
        return { path, message, from, to, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
      });
  }

  document(): DialectDocument | null {
    const text = this.#text;
    if (text.length > MAX_DOCUMENT || Buffer.byteLength(text) > MAX_DOCUMENT) {
      this.#note('', NOWHERE, `is larger than ${MAX_DOCUMENT / 1024} KB: this is no dialect document.`);
      return null;
    }
    const read = readDocument(text, MAX_DEPTH);
    if (!read.ok) {
      const { from, message } = read;
      this.#note('', { from, to: Math.min(from + 1, text.length) }, `is no JSON: ${message}`);
      return null;
    }
    const { node } = read;
    const marker =
      node.kind === 'object' ? node.fields.find((field) => field.name === MARKER)?.value : undefined;
    if (!this.#isVersion(node, marker)) return null;
    const fields = this.#fields('', node, FIELDS);
    const usual = DEFAULT_DIALECT;
    const subscribe = this.#form('subscribe', fields, usual.subscribe);
    const dialect: Dialect = {
      addresses: this.#addresses(fields),
      header: this.#header(fields),
      subscribe,
      // Whoever asks in another way takes back in the same way, unless the document says otherwise.
      unsubscribe: this.#form('unsubscribe', fields, { ...usual.unsubscribe, payload: subscribe.payload }),
      batched: this.#yesOrNo('batched', fields, usual.batched),
      granularityField: this.#word('granularityField', fields, usual.granularityField),
      types: this.#types(fields),
      candleTime: this.#choice('candleTime', fields, CANDLE_TIMES, usual.candleTime),
      ackTime: this.#ackTime(fields),
    };
    this.#together(fields, node, dialect);
    return { name: this.#name(fields), dialect };
  }

  #note(path: string, place: Place, message: string): void {
    this.#problems.push({ path, place, message });
  }

  /** Of another version nothing else can be judged. */
  #isVersion(node: JsonNode, marker: JsonNode | undefined): boolean {
    if (marker === undefined) {
      this.#note(
        MARKER,
        { from: node.from, to: node.from + 1 },
        `is missing: this is no dialect document. One begins with {"${MARKER}": ${DOCUMENT_VERSION}.`,
      );
      return false;
    }
    if (marker.kind === 'number' && marker.value === DOCUMENT_VERSION) return true;
    const isNewer = marker.kind === 'number' && marker.value > DOCUMENT_VERSION;
    this.#note(
      MARKER,
      marker,
      isNewer
        ? `is ${marker.written}, of a newer Quipu; this one reads ${DOCUMENT_VERSION}. Update Quipu, or write the document anew for ${DOCUMENT_VERSION}.`
        : `must be ${DOCUMENT_VERSION}, the version of the document's form.`,
    );
    return false;
  }

  /** The fields of an object, each but once and none that is not known. */
  #fields(path: string, node: JsonNode | undefined, known: readonly string[]): Known {
    const fields = new Map<string, JsonField>();
    if (node === undefined) return fields;
    if (node.kind !== 'object') {
      this.#note(path, node, `must be an object with ${listOf(known)}.`);
      return fields;
    }
    for (const field of node.fields) {
      const at = pathOf(path, field.name);
      if (!known.includes(field.name)) {
        this.#note(at, field, `is not known here: take it out. There are ${listOf(known)}.`);
      } else if (fields.has(field.name)) {
        this.#note(at, field, 'stands here twice: keep one.');
      } else {
        fields.set(field.name, field);
      }
    }
    return fields;
  }

  /** A text without characters that are not seen. */
  #plain(path: string, node: JsonNode, least: number, most: number): string | null {
    const limits = least === 0 ? `at most ${most}` : `${least} to ${most}`;
    if (node.kind !== 'text' || node.value.length < least || node.value.length > most) {
      this.#note(path, node, `must be text of ${limits} characters, in double quotes.`);
      return null;
    }
    if (UNSEEN.test(node.value)) {
      this.#note(path, node, 'has characters that cannot be seen: write it anew.');
      return null;
    }
    return node.value;
  }

  #name(fields: Known): string {
    const node = fields.get('name')?.value;
    const name = node === undefined ? '' : (this.#plain('name', node, 0, MAX_NAME) ?? '');
    if (node !== undefined && name.trim() !== name) {
      this.#note('name', node, 'begins or ends with a space: take it out.');
    }
    return name;
  }

  #word(path: string, fields: Known, usual: string): string {
    const field = fields.get(path);
    if (field === undefined) return usual;
    const word = this.#plain(path, field.value, 1, MAX_WORD);
    if (word !== null) this.#mayBeName(path, field.value, word);
    return word ?? usual;
  }

  #mayBeName(path: string, place: Place, name: string): boolean {
    if (RESERVED_NAMES.has(name)) this.#note(path, place, `may not be ${name}.`);
    else if (name.length > MAX_WORD)
      this.#note(path, place, `is a name of more than ${MAX_WORD} characters.`);
    else return true;
    return false;
  }

  #yesOrNo(path: string, fields: Known, usual: boolean): boolean {
    const node = fields.get(path)?.value;
    if (node === undefined) return usual;
    if (node.kind === 'word' && node.value !== null) return node.value;
    this.#note(path, node, 'must be true or false, without quotes.');
    return usual;
  }

  #choice<T extends string>(path: string, fields: Known, allowed: readonly T[], usual: T): T {
    const node = fields.get(path)?.value;
    return node === undefined ? usual : (this.#oneOf(path, node, allowed) ?? usual);
  }

  #oneOf<T extends string>(path: string, node: JsonNode, allowed: readonly T[]): T | null {
    const found = allowed.find((each) => node.kind === 'text' && each === node.value);
    if (found === undefined) {
      const names = allowed.map((each) => `"${each}"`);
      this.#note(path, node, `must be ${listOf(names, 'or')}.`);
    }
    return found ?? null;
  }

  #ackTime(fields: Known): number {
    const node = fields.get('ackTime')?.value;
    const usual = DEFAULT_DIALECT.ackTime;
    if (node === undefined) return usual;
    const value = node.kind === 'number' ? node.value : Number.NaN;
    if (Number.isInteger(value) && value >= MIN_ACK_TIME && value <= MAX_ACK_TIME) return value;
    this.#note(
      'ackTime',
      node,
      `must be a whole number of milliseconds from ${MIN_ACK_TIME} to ${MAX_ACK_TIME}.`,
    );
    return usual;
  }

  #addresses(fields: Known): FeedAddresses {
    const usual = DEFAULT_DIALECT.addresses;
    const given = this.#fields('addresses', fields.get('addresses')?.value, Object.keys(ADDRESS_USE));
    const read = (of: keyof FeedAddresses): string => {
      const node = given.get(of)?.value;
      if (node === undefined) return usual[of];
      const path = `addresses.${of}`;
      if (node.kind !== 'text') {
        this.#note(path, node, 'must be an address, in double quotes.');
        return usual[of];
      }
      const fault = addressFault(node.value, ADDRESS_USE[of]);
      if (fault !== null) this.#note(path, node, fault);
      return plainAddress(node.value);
    };
    return { trades: read('trades'), candles: read('candles'), dictionary: read('dictionary') };
  }

  #header(fields: Known): Dialect['header'] {
    const usual = DEFAULT_DIALECT.header;
    const given = this.#fields('header', fields.get('header')?.value, ['name', 'prefix']);
    let { name, prefix } = usual;
    const nameNode = given.get('name')?.value;
    if (nameNode !== undefined) {
      if (nameNode.kind !== 'text' || !HEADER_NAME.test(nameNode.value)) {
        this.#note(
          'header.name',
          nameNode,
          'must be the name of a header, of letters, digits and -, such as "Authorization".',
        );
      } else if (RESERVED_HEADERS.test(nameNode.value)) {
        this.#note('header.name', nameNode, 'is a header of the connection itself: name another.');
      } else {
        name = nameNode.value;
      }
    }
    const prefixNode = given.get('prefix')?.value;
    if (prefixNode !== undefined) {
      if (prefixNode.kind === 'text' && HEADER_PREFIX.test(prefixNode.value)) prefix = prefixNode.value;
      else {
        this.#note(
          'header.prefix',
          prefixNode,
          'must be text of at most 100 printable ASCII characters, such as "Bearer ".',
        );
      }
    }
    return { name, prefix };
  }

  #types(fields: Known): Dialect['types'] {
    const node = fields.get('types')?.value;
    if (node === undefined) return DEFAULT_DIALECT.types;
    if (node.kind !== 'object') {
      this.#note(
        'types',
        node,
        'must be an object of message types, such as {"trade": "trade", "candle": "candle"}.',
      );
      return DEFAULT_DIALECT.types;
    }
    const types = new Map<string, MessageKind>();
    for (const field of node.fields) {
      const path = pathOf('types', field.name);
      if (types.has(field.name)) {
        this.#note(path, field, 'stands here twice: keep one.');
        continue;
      }
      if (field.name === '') {
        this.#note(path, field, 'is a type without a name: take it out.');
        continue;
      }
      const mayBe = this.#mayBeName(path, field, field.name);
      const kind = this.#oneOf(path, field.value, KINDS);
      if (mayBe && kind !== null) types.set(field.name, kind);
    }
    if (node.fields.length > MAX_TYPES) this.#note('types', node, `has more than ${MAX_TYPES} types.`);
    return Object.fromEntries(types);
  }

  #form(path: 'subscribe' | 'unsubscribe', fields: Known, usual: RequestForm): RequestForm {
    const given = this.#fields(path, fields.get(path)?.value, ['type', 'payload']);
    const typeNode = given.get('type')?.value;
    const type =
      typeNode === undefined
        ? usual.type
        : (this.#plain(`${path}.type`, typeNode, 1, MAX_WORD) ?? usual.type);
    const node = given.get('payload')?.value;
    if (node === undefined) return { type, payload: usual.payload };
    const at = `${path}.payload`;
    if (node.kind !== 'object') {
      this.#note(at, node, 'must be an object, such as {"marketIds": "{marketIds}"}.');
      return { type, payload: usual.payload };
    }
    const before = this.#problems.length;
    const payload = this.#templateFields(at, node.fields);
    if (this.#problems.length === before && !namesMarkets(payload)) {
      this.#note(
        at,
        node,
        'does not say which market: put "{marketIds}", "{marketId}", or both "{venue}" and "{pair}" in it.',
      );
    }
    return { type, payload };
  }

  #templateFields(path: string, fields: readonly JsonField[]): { readonly [name: string]: Template } {
    const values = new Map<string, Template>();
    for (const field of fields) {
      const at = pathOf(path, field.name);
      if (values.has(field.name)) this.#note(at, field, 'stands here twice: keep one.');
      if (field.name.match(PLACEHOLDER) !== null) {
        this.#note(at, field, 'is a placeholder where a name belongs: one stands for a value.');
      }
      const value = this.#template(at, field.value);
      if (this.#mayBeName(at, field, field.name)) values.set(field.name, value);
    }
    return Object.fromEntries(values);
  }

  #template(path: string, node: JsonNode): Template {
    switch (node.kind) {
      case 'word':
        return node.value;
      case 'number': {
        const { value } = node;
        const isExact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
        if (!isExact) this.#note(path, node, 'is a number too large to be sent as it is: put it in quotes.');
        // JSON has no negative zero.
        return value === 0 ? 0 : value;
      }
      case 'text':
        this.#placeholders(path, node, node.value);
        return node.value;
      case 'list':
        return node.items.map((item, at) => this.#template(`${path}[${at}]`, item));
      case 'object':
        return this.#templateFields(path, node.fields);
    }
  }

  #placeholders(path: string, node: JsonNode, text: string): void {
    for (const [whole, name = ''] of text.matchAll(PLACEHOLDER)) {
      if (!PLACEHOLDERS.some((each) => each === name)) {
        const known = PLACEHOLDERS.map((each) => `{${each}}`);
        this.#note(path, node, `has the placeholder ${whole}, which is none. There are ${listOf(known)}.`);
      } else if (name === 'marketIds' && text !== whole) {
        this.#note(
          path,
          node,
          'has {marketIds} within other text: it stands for a list, so alone in its quotes.',
        );
      }
    }
  }

  /** What each field may be alone, but not beside the others. */
  #together(fields: Known, node: JsonNode, dialect: Dialect): void {
    const place = (path: string): Place => fields.get(path)?.value ?? { from: node.from, to: node.from + 1 };
    const forms = [dialect.subscribe, dialect.unsubscribe];
    const single = stringsOf(forms.map(({ payload }) => payload)).find((text) => NAMES_ONE_MARKET.test(text));
    if (dialect.batched && single !== undefined) {
      this.#note(
        'batched',
        place('batched'),
        `must be false: "${single.slice(0, 60)}" in a payload names one market, so each needs a message of its own.`,
      );
    }
    if (forms.some(({ payload }) => Object.hasOwn(payload, dialect.granularityField))) {
      this.#note(
        'granularityField',
        place('granularityField'),
        `must not be ${dialect.granularityField}, which a payload has already: the granularity is put beside the payload's own fields.`,
      );
    }
  }
}

function namesMarkets(payload: Template): boolean {
  const all = stringsOf(payload).join('\n');
  return /\{marketIds?\}/.test(all) || (all.includes('{venue}') && all.includes('{pair}'));
}

function pathOf(path: string, name: string): string {
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  if (!/^[A-Za-z_][\w-]*$/.test(shown)) return `${path}[${JSON.stringify(shown)}]`;
  return path === '' ? shown : `${path}.${shown}`;
}

function listOf(names: readonly string[], last = 'and'): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1) ?? ''}`;
}

/**
 * The document of a dialect: what differs from the default, or all of it. `parseDialect` gives the same
 * name and dialect back.
 */
export function writeDialect({ name, dialect }: DialectDocument, all = false): string {
  const usual = DEFAULT_DIALECT;
  const form = (own: RequestForm, known: RequestForm): object | undefined =>
    changed({ type: own.type, payload: own.payload }, { type: known.type, payload: known.payload }, all);
  const document = {
    [MARKER]: DOCUMENT_VERSION,
    name: name === '' ? undefined : name,
    addresses: changed(dialect.addresses, usual.addresses, all),
    header: changed(dialect.header, usual.header, all),
    subscribe: form(dialect.subscribe, usual.subscribe),
    // What it is unless the document says otherwise: see `Check.document`.
    unsubscribe: form(dialect.unsubscribe, { ...usual.unsubscribe, payload: dialect.subscribe.payload }),
    ...changed(
      {
        batched: dialect.batched,
        granularityField: dialect.granularityField,
        types: dialect.types,
        candleTime: dialect.candleTime,
        ackTime: dialect.ackTime,
      },
      usual,
      all,
    ),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The fields of `own` that are not as in `known`; undefined when there is none. */
function changed<T extends object>(
  own: T,
  known: Readonly<Record<keyof T, unknown>>,
  all: boolean,
): Partial<T> | undefined {
  const entries = Object.entries(own).filter(
    ([name, value]) => all || JSON.stringify(value) !== JSON.stringify(known[name as keyof T]),
  );
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<T>);
}
