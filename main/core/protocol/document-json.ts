/**
 * JSON that a person wrote, with the place of everything in it: so that what is wrong can be shown where
 * it is. It differs from JSON.parse in that a name that comes twice is kept twice, a number keeps its
 * characters, nothing is built by a name out of the text, and depth is bounded.
 */

interface Place {
  /** UTF-16 units of the text: [from, to). */
  readonly from: number;
  readonly to: number;
}

export interface JsonField extends Place {
  readonly name: string;
  readonly value: JsonNode;
}

export type JsonNode = Place &
  (
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'number'; readonly value: number; readonly written: string }
    | { readonly kind: 'word'; readonly value: boolean | null }
    | { readonly kind: 'list'; readonly items: readonly JsonNode[] }
    /** A field's place is that of its name. */
    | { readonly kind: 'object'; readonly fields: readonly JsonField[] }
  );

/** Thrown inside this file alone. */
class Fault extends Error {
  readonly from: number;

  constructor(message: string, from: number) {
    super(message);
    this.from = from;
  }
}

export type ReadDocument =
  | { readonly ok: true; readonly node: JsonNode }
  | { readonly ok: false; readonly message: string; readonly from: number };

/** @param depth the deepest nesting of lists and objects that is read */
export function readDocument(text: string, depth: number): ReadDocument {
  try {
    const reader = new Reader(text, depth);
    return { ok: true, node: reader.document() };
  } catch (thrown) {
    if (thrown instanceof Fault) return { ok: false, message: thrown.message, from: thrown.from };
    throw thrown;
  }
}

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
/** A string's characters and escapes up to the closing quote. */
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;

class Reader {
  readonly #text: string;
  readonly #depth: number;
  #at = 0;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  document(): JsonNode {
    // A byte order mark is no part of JSON, but some editors put one.
    if (this.#text.startsWith('\ufeff')) this.#at = 1;
    this.#space();
    if (this.#at === this.#text.length) throw new Fault('The document is empty.', 0);
    const node = this.#value(this.#depth);
    this.#space();
    if (this.#at < this.#text.length) throw new Fault('The document ends before this.', this.#at);
    return node;
  }

  #space(): void {
    this.#match(SPACE);
    if (this.#text.startsWith('//', this.#at) || this.#text.startsWith('/*', this.#at)) {
      throw new Fault('JSON has no comments: take this one out.', this.#at);
    }
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): JsonNode {
    const from = this.#at;
    const first = this.#text[from];
    if (first === '{' || first === '[') {
      if (depth === 0) throw new Fault('This is nested too deeply.', from);
      return first === '{' ? this.#object(depth) : this.#list(depth);
    }
    if (first === '"') {
      const value = this.#string();
      return { kind: 'text', value, from, to: this.#at };
    }
    const written = this.#match(NUMBER);
    if (written !== null) return { kind: 'number', value: Number(written), written, from, to: this.#at };
    const word = this.#match(WORD);
    if (word !== null) {
      return { kind: 'word', value: word === 'null' ? null : word === 'true', from, to: this.#at };
    }
    throw new Fault(
      first === undefined ? 'The document breaks off: a value is missing.' : 'A value is missing here.',
      from,
    );
  }

  #string(): string {
    const from = this.#at;
    const written = this.#match(STRING);
    if (written === null) {
      throw new Fault('This text has no closing quote on its line, or a backslash that means nothing.', from);
    }
    return JSON.parse(written) as string;
  }

  #object(depth: number): JsonNode {
    const from = this.#at++;
    const fields: JsonField[] = [];
    this.#space();
    while (!this.#take('}')) {
      if (fields.length > 0) this.#comma('}');
      const at = this.#at;
      if (this.#text[at] !== '"') throw new Fault('A name in double quotes is missing here.', at);
      const name = this.#string();
      const to = this.#at;
      this.#space();
      if (!this.#take(':')) throw new Fault('A colon is missing behind the name.', this.#at);
      this.#space();
      fields.push({ name, value: this.#value(depth - 1), from: at, to });
      this.#space();
    }
    return { kind: 'object', fields, from, to: this.#at };
  }

  #list(depth: number): JsonNode {
    const from = this.#at++;
    const items: JsonNode[] = [];
    this.#space();
    while (!this.#take(']')) {
      if (items.length > 0) this.#comma(']');
      items.push(this.#value(depth - 1));
      this.#space();
    }
    return { kind: 'list', items, from, to: this.#at };
  }

  /** Between two; another must follow. */
  #comma(close: string): void {
    const at = this.#at;
    if (!this.#take(',')) throw new Fault(`A comma or ${close} is missing here.`, at);
    this.#space();
    if (this.#text[this.#at] === close)
      throw new Fault('This comma is one too many: nothing follows it.', at);
  }
}
