import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  JsonObject,
  JsonParser,
  MAX_CONTAINERS,
  MAX_DEPTH,
  MAX_VALUES,
  RawNumber,
} from '../../../main/core/protocol/json.ts';
import type { JsonValue } from '../../../main/core/protocol/json.ts';

const parser = new JsonParser();

/** The value, or the failure's name in brackets. */
function read(source: string | Uint8Array): unknown {
  const bytes = Buffer.from(source);
  const value = parser.read(bytes, 0, bytes.length);
  if (value === undefined) return `[${parser.failure}]`;
  if (bytes.subarray(parser.at).toString('latin1').trim() !== '') return '[more]';
  return plain(value);
}

/** As JSON.parse would give it. */
function plain(value: JsonValue): unknown {
  if (value instanceof RawNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof JsonObject)) return value;
  return Object.fromEntries(value.names.map((name, i) => [name, plain(value.values[i] ?? null)]));
}

describe('JsonParser', () => {
  it.each([
    '{}',
    '[]',
    ' [ 1 , 2.5 , -0.1e-2 , 1E+3 , 0 , -0 ] ',
    '{"a":{"b":[true,false,null,"x"]}}',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uD83D\\uDE42"',
    '"é市🙂"',
    '"\\u00e9 and é"',
    '"\\ud800"',
    '"\u007f"',
    '{"":0,"a":1,"a":2}',
  ])('reads %s as JSON.parse does', (text) => {
    expect(read(text)).toEqual(JSON.parse(text));
  });

  it.each([
    '',
    ' ',
    '{',
    '[',
    '"',
    '"a',
    '"\\',
    '"\\u12',
    '"\\u12G4"',
    '"\\x"',
    '"\n"',
    '"\u0000"',
    '\u0000',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,}',
    '{a:1}',
    "{'a':1}",
    '[1,]',
    '[1 2]',
    '[1',
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    '1e+',
    '--1',
    'NaN',
    'Infinity',
    '-Infinity',
    'nul',
    'True',
    '//x\n1',
    '\u00a01',
  ])('refuses %j, as JSON.parse does', (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(read(text)).toBe('[json]');
  });

  it('keeps the characters of a number', () => {
    for (const text of ['9007199254740993', '1e999', '1.10', '-0', '0.1000000000000000055511151231257827']) {
      const bytes = Buffer.from(text);
      expect(parser.read(bytes, 0, bytes.length)).toEqual(new RawNumber(text));
    }
  });

  it.each<[string, number[]]>([
    ['a lone continuation byte', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['no UTF-8 at all', [0xff]],
  ])('refuses %s in a string', (_, bytes) => {
    expect(read(Buffer.from([0x22, ...bytes, 0x22]))).toBe('[utf8]');
    expect(read(Buffer.from([0x22, 0x5c, 0x6e, ...bytes, 0x22]))).toBe('[utf8]');
    expect(read(Buffer.from([0x7b, 0x22, ...bytes, 0x22, 0x3a, 0x31, 0x7d]))).toBe('[utf8]');
  });

  it('reads to its depth and refuses what is deeper before it builds it', () => {
    const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(read(nest(MAX_DEPTH))).not.toBe('[depth]');
    expect(read(nest(MAX_DEPTH + 1))).toBe('[depth]');
    expect(read('['.repeat(100_000))).toBe('[depth]');
    expect(read('{"a":'.repeat(100_000))).toBe('[depth]');
  });

  it('bounds how many values it builds', () => {
    expect(read(`[${'{},'.repeat(MAX_CONTAINERS)}{}]`)).toBe('[size]');
    expect(read(`[${'1,'.repeat(MAX_VALUES)}1]`)).toBe('[size]');
  });

  it('takes __proto__ for a name like another', () => {
    const bytes = Buffer.from('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    const value = parser.read(bytes, 0, bytes.length);
    expect(value).toBeInstanceOf(JsonObject);
    expect((value as JsonObject).names).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(JsonObject.prototype);
  });

  it('gives every JSON value that there is', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4, stringUnit: 'binary' }), (text) => {
        expect(read(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('agrees with JSON.parse on damaged text', () => {
    const damaged = fc
      .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.constantFrom(...'{}[]",:\\u0e.-\n tn'), fc.boolean())
      .map(([text, at, character, replaces]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + character + text.slice(place + (replaces ? 1 : 0));
      });
    fc.assert(
      fc.property(damaged, (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(['[json]', '[more]']).toContain(read(text));
          return;
        }
        expect(read(text)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('cut anywhere, is refused', () => {
    const text = '{"a":[1.5e3,"x\\u0041é",true,null],"b":{"c":""}}';
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++) {
      expect(['[json]', '[utf8]']).toContain(read(bytes.subarray(0, length)));
    }
    expect(read(bytes)).toEqual(JSON.parse(text));
  });
});
