import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  framesFile,
  framesFileName,
  lineOf,
  type Piece,
  piecesOf,
  prettyJson,
  rawLines,
} from '../../renderer/state/raw-text.ts';

const joined = (text: string): string =>
  piecesOf(text)
    .map((piece) => piece.text)
    .join('');

describe('what a stranger wrote', () => {
  it.each([
    ['a right-to-left override', 'usd\u202etdsu', 'usd\\u202etdsu'],
    ['an isolate', '\u2066a\u2069', '\\u2066a\\u2069'],
    ['controls', 'a\u0000b\u001b[31m\u007f\u0085', 'a\\u0000b\\u001b[31m\\u007f\\u0085'],
    ['breaks and tabs', 'a\r\n\tb', 'a\\r\\n\\tb'],
    ['separators of lines and paragraphs', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
    ['what has no width', 'a\u200bb\ufeff\u00ad', 'a\\u200bb\\ufeff\\u00ad'],
    ['a filler that looks like nothing', '\u3164', '\\u3164'],
    ['spaces that are not the usual one', 'a\u00a0b\u3000', 'a\\u00a0b\\u3000'],
    ['half a surrogate pair', 'a\ud800', 'a\\ud800'],
    ['a tag beyond the first plane', 'a\u{e0041}', 'a\\u{e0041}'],
    ['letters of any script, and an emoji', 'größe ключ 価格 مرحبا 😀', 'größe ключ 価格 مرحبا 😀'],
  ])('shows %s', (_what, text, shown) => {
    expect(joined(text)).toBe(shown);
  });

  it('marks what stands for another character, so that the same letters in the text are told apart', () => {
    expect(piecesOf('\\u202e\u202e')).toEqual([
      { text: '\\u202e', escaped: false },
      { text: '\\u202e', escaped: true },
    ]);
  });

  it('of any text shows no character that hides, and loses none', () => {
    const hidden = fc.constantFrom('\u202e', '\n', '\u0000', '\u200b', '\u{e0041}', 'a', ' ');
    const hostile = fc.string({ unit: fc.oneof(hidden, fc.string({ unit: 'binary', maxLength: 2 })) });
    const short: Readonly<Record<string, string>> = { '\\n': '\n', '\\r': '\r', '\\t': '\t' };
    const character = (sign: string, hex?: string): string =>
      short[sign] ?? String.fromCodePoint(Number.parseInt(hex ?? '', 16));
    const unescaped = ({ text, escaped }: Piece): string =>
      escaped ? text.replace(/\\[nrt]|\\u\{?([0-9a-f]{5,6}(?=\})|[0-9a-f]{4})\}?/g, character) : text;
    fc.assert(
      fc.property(hostile, (text) => {
        expect(joined(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(piecesOf(text).map(unescaped).join('')).toBe(text);
      }),
    );
  });

  it('a line in a list is bounded, and one line', () => {
    expect(lineOf('{"a":1}', 20)).toBe('{"a":1}');
    expect(lineOf('a\nb', 20)).toBe('a\\nb');
    expect(lineOf('\u0000'.repeat(1_000_000), 20)).toHaveLength(20);
  });

  it('a raw text breaks where it breaks, and shows it', () => {
    const lines = rawLines('one\ntwo\n\n').map((pieces) => pieces.map(({ text }) => text).join(''));
    expect(lines).toEqual(['one\\n', 'two\\n', '\\n']);
    expect(rawLines('')).toEqual([[]]);
  });
});

describe('JSON made easy to read', () => {
  it('is indented, and nothing else', () => {
    expect(prettyJson('{"a":[1,{"b":"x, {y}"}],"c":{},"d":[]}')).toBe(
      '{\n  "a": [\n    1,\n    {\n      "b": "x, {y}"\n    }\n  ],\n  "c": {},\n  "d": []\n}',
    );
  });

  it.each(['{"id":9007199254740993}', '{"p":1e999}', '{"p":0.10}', '{"a":1,"a":2}', '["\\u202e"]', '-0'])(
    'keeps every digit and every escape of %s',
    (json) => {
      expect(prettyJson(json)?.replace(/\s/g, '')).toBe(json);
    },
  );

  it('changes nothing but space between tokens, whatever the document', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const pretty = prettyJson(json);
        expect(pretty).not.toBeNull();
        expect(JSON.parse(pretty ?? '')).toEqual(JSON.parse(json));
        const strings = /"(?:[^"\\]|\\.)*"/g;
        expect(pretty?.match(strings)).toEqual(json.match(strings));
        expect(pretty?.replace(strings, '').replace(/\s/g, '')).toBe(
          json.replace(strings, '').replace(/\s/g, ''),
        );
      }),
    );
  });

  it('does each line of a frame with several documents', () => {
    expect(prettyJson('{"a":1}\n{"b":2}\n')).toBe('{\n  "a": 1\n}\n{\n  "b": 2\n}');
  });

  it.each(['', 'text', '{"a":', '{"a":1} {"b":2}', '{"a":1}\n{"b":', "{'a':1}"])(
    'leaves %j alone',
    (text) => {
      expect(prettyJson(text)).toBeNull();
    },
  );

  it('leaves alone what is nested so deep that indenting it would be the larger part', () => {
    expect(prettyJson('['.repeat(64) + ']'.repeat(64))).not.toBeNull();
    expect(prettyJson('['.repeat(8_000) + ']'.repeat(8_000))).toBeNull();
  });
});

describe('frames as a file', () => {
  it('is one JSON document on each line, whatever the frames hold', () => {
    const frame = fc.record({
      at: fc.integer({ min: 0, max: 4e12 }),
      bytes: fc.nat(),
      text: fc.string({ unit: 'binary' }),
      truncated: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), (frames) => {
        const lines = framesFile('trades', frames).split('\n');
        expect(lines.pop()).toBe('');
        expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
          frames.map(({ at, bytes, text, truncated }) => ({
            ...{ endpoint: 'trades', received: new Date(at).toISOString() },
            ...{ bytes, truncated, text },
          })),
        );
      }),
    );
  });

  it('is named after its endpoint and time, in characters that every system takes', () => {
    expect(framesFileName('candles', Date.UTC(2024, 0, 15, 18, 10, 7))).toBe(
      'quipu-candles-frames-20240115T181007Z.ndjson',
    );
  });
});
