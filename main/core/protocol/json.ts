/**
 * JSON out of a frame's bytes, for messages whose decimals and ids must not pass through a float.
 *
 * It differs from JSON.parse in that numbers stay the characters that were sent, an object is a list
 * of names and values (so `__proto__` is a name like another), UTF-8 is checked, and depth and the
 * number of objects are bounded before anything is built.
 */
import { Interner } from './intern.ts';

/** Deepest nesting of arrays and objects that is read. */
export const MAX_DEPTH = 64;
/** Largest frame that is read, in bytes. */
export const MAX_FRAME = 16 * 1024 * 1024;
/**
 * Most arrays and objects in one document. The densest frame of real items has one for every 80 bytes
 * or so; without a limit, 16 MiB of `{}` would take a gigabyte.
 */
export const MAX_CONTAINERS = 262_144;
/** The same for names and for values that are neither; real items take 9 bytes or more for each. */
export const MAX_VALUES = 2_097_152;

/** A number as its characters in the message. */
export class RawNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Names and values in the order of the message; a name may come twice. */
export class JsonObject {
  readonly names: string[] = [];
  readonly values: JsonValue[] = [];
  /** Where it stands in the frame: bytes [start, end). */
  readonly start: number;
  end = 0;

  constructor(start: number) {
    this.start = start;
  }
}

export type JsonValue = string | RawNumber | boolean | null | JsonObject | JsonValue[];

export type JsonFailure = 'json' | 'utf8' | 'depth' | 'size';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one document at a time; holds no state between documents but names that it has seen. */
export class JsonParser {
  readonly #names = new Interner();
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #at = 0;
  #containers = 0;
  #values = 0;
  #failure: JsonFailure = 'json';

  /** Where reading stopped: behind the value, or at what could not be read. */
  get at(): number {
    return this.#at;
  }

  /** Why the last `read` gave nothing. */
  get failure(): JsonFailure {
    return this.#failure;
  }

  /** The value that begins at `start` (white space before it is skipped), or undefined: then see `failure`. */
  read(bytes: Buffer, start: number, end: number): JsonValue | undefined {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#containers = 0;
    this.#values = 0;
    this.#failure = 'json';
    this.#space();
    return this.#value(1);
  }

  #fail(failure: JsonFailure): undefined {
    this.#failure = failure;
    return undefined;
  }

  /** The byte at the reading point; 0, which is no part of JSON, at the end. */
  #peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? 0) : 0;
  }

  #space(): void {
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    }
  }

  #value(depth: number): JsonValue | undefined {
    const byte = this.#peek();
    if (byte === 0x7b || byte === 0x5b) {
      if (depth > MAX_DEPTH) return this.#fail('depth');
      if (++this.#containers > MAX_CONTAINERS) return this.#fail('size');
      return byte === 0x7b ? this.#object(depth) : this.#array(depth);
    }
    if (++this.#values > MAX_VALUES) return this.#fail('size');
    if (byte === QUOTE) return this.#string(false);
    if (byte === 0x74) return this.#word('true', true);
    if (byte === 0x66) return this.#word('false', false);
    if (byte === 0x6e) return this.#word('null', null);
    return this.#number();
  }

  #object(depth: number): JsonObject | undefined {
    const object = new JsonObject(this.#at);
    this.#at++;
    this.#space();
    if (this.#peek() === 0x7d) {
      object.end = ++this.#at;
      return object;
    }
    for (;;) {
      if (this.#peek() !== QUOTE) return this.#fail('json');
      if (++this.#values > MAX_VALUES) return this.#fail('size');
      const name = this.#string(true);
      if (name === undefined) return undefined;
      this.#space();
      if (this.#peek() !== 0x3a) return this.#fail('json');
      this.#at++;
      this.#space();
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      object.names.push(name);
      object.values.push(value);
      this.#space();
      const byte = this.#peek();
      if (byte !== 0x2c && byte !== 0x7d) return this.#fail('json');
      this.#at++;
      if (byte === 0x7d) {
        object.end = this.#at;
        return object;
      }
      this.#space();
    }
  }

  #array(depth: number): JsonValue[] | undefined {
    const array: JsonValue[] = [];
    this.#at++;
    this.#space();
    if (this.#peek() === 0x5d) {
      this.#at++;
      return array;
    }
    for (;;) {
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      array.push(value);
      this.#space();
      const byte = this.#peek();
      if (byte !== 0x2c && byte !== 0x5d) return this.#fail('json');
      this.#at++;
      if (byte === 0x5d) return array;
      this.#space();
    }
  }

  #word<T extends boolean | null>(word: string, value: T): T | undefined {
    for (let i = 0; i < word.length; i++) {
      if (this.#peek() !== word.charCodeAt(i)) return this.#fail('json');
      this.#at++;
    }
    return value;
  }

  #number(): RawNumber | undefined {
    const start = this.#at;
    if (this.#peek() === 0x2d) this.#at++;
    const first = this.#peek();
    const whole = this.#digits();
    if (whole === 0 || (whole > 1 && first === 0x30)) return this.#fail('json');
    if (this.#peek() === 0x2e) {
      this.#at++;
      if (this.#digits() === 0) return this.#fail('json');
    }
    if (this.#peek() === 0x65 || this.#peek() === 0x45) {
      this.#at++;
      if (this.#peek() === 0x2b || this.#peek() === 0x2d) this.#at++;
      if (this.#digits() === 0) return this.#fail('json');
    }
    return new RawNumber(this.#bytes.toString('latin1', start, this.#at));
  }

  /** How many digits were passed. */
  #digits(): number {
    const start = this.#at;
    for (;;) {
      const byte = this.#peek();
      if (byte < 0x30 || byte > 0x39) return this.#at - start;
      this.#at++;
    }
  }

  #string(isName: boolean): string | undefined {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let ascii = true;
    for (let at = start; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        if (!ascii) return this.#utf8(start, at);
        return isName ? this.#names.get(bytes, start, at) : bytes.toString('latin1', start, at);
      }
      if (byte === BACKSLASH) return this.#escaped(start, at);
      if (byte < 0x20) {
        this.#at = at;
        return this.#fail('json');
      }
      if (byte >= 0x80) ascii = false;
    }
    this.#at = this.#end;
    return this.#fail('json');
  }

  /** A string that begins at `start` and has its first backslash at `at`. */
  #escaped(start: number, at: number): string | undefined {
    const bytes = this.#bytes;
    const parts: string[] = [];
    let from = start;
    // Valid UTF-8 never breaks a sequence at a quote or backslash, so the parts are valid if the whole is.
    for (; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte !== QUOTE && byte !== BACKSLASH && byte >= 0x20) continue;
      if (byte < 0x20) break;
      const part = this.#utf8(from, at);
      if (part === undefined) return undefined;
      parts.push(part);
      if (byte === QUOTE) {
        this.#at = at + 1;
        return parts.join('');
      }
      const escape = bytes[at + 1] ?? 0;
      if (escape === 0x75 && at + 6 <= this.#end) {
        const unit = hex(bytes, at + 2);
        if (unit < 0) break;
        parts.push(String.fromCharCode(unit));
        at += 5;
      } else {
        const character = ESCAPES.get(escape);
        if (character === undefined) break;
        parts.push(character);
        at++;
      }
      from = at + 1;
    }
    this.#at = Math.min(at, this.#end);
    return this.#fail('json');
  }

  #utf8(start: number, end: number): string | undefined {
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      this.#at = start;
      return this.#fail('utf8');
    }
  }
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, '\\'],
  [0x2f, '/'],
  [0x62, '\b'],
  [0x66, '\f'],
  [0x6e, '\n'],
  [0x72, '\r'],
  [0x74, '\t'],
]);

/** The value of four hexadecimal digits, or -1. */
function hex(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const digit =
      byte >= 0x30 && byte <= 0x39
        ? byte - 0x30
        : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
          ? (byte | 0x20) - 0x57
          : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
