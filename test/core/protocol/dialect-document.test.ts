import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_DIALECT,
  type Dialect,
  subscribeMessage,
  type Template,
} from '../../../main/core/protocol/dialect.ts';
import {
  type DialectDocument,
  MAX_DOCUMENT,
  parseDialect,
  writeDialect,
} from '../../../main/core/protocol/dialect-document.ts';
import { decode } from './frames.ts';

function problemsOf(text: string): string[] {
  const parsed = parseDialect(text);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

function dialectOf(text: string): Dialect {
  const parsed = parseDialect(text);
  if (!parsed.ok) throw new Error(problemsOf(text).join('\n'));
  return parsed.document.dialect;
}

const document = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ quipuDialect: 1, ...fields });

describe('a dialect document', () => {
  it('says only what differs: an empty one is the default', () => {
    expect(parseDialect('{"quipuDialect": 1}')).toEqual({
      ok: true,
      document: { name: '', dialect: DEFAULT_DIALECT },
    });
    expect(JSON.parse(writeDialect({ name: '', dialect: DEFAULT_DIALECT }))).toEqual({ quipuDialect: 1 });
  });

  it('differs field by field, and the rest stays the default', () => {
    const text = document({
      name: 'Exchange feed',
      addresses: { trades: 'wss://feed.example/t/' },
      header: { prefix: 'Bearer ' },
      subscribe: {
        type: 'sub',
        payload: { topic: 'trades.{venue}.{pair}', deep: [{ market: '{marketId}' }] },
      },
      batched: false,
      types: { tick: 'trade' },
      candleTime: 'end',
      ackTime: 500,
    });
    const payload = { topic: 'trades.{venue}.{pair}', deep: [{ market: '{marketId}' }] };
    expect(dialectOf(text)).toEqual({
      ...DEFAULT_DIALECT,
      addresses: { ...DEFAULT_DIALECT.addresses, trades: 'wss://feed.example/t' },
      header: { name: 'Authorization', prefix: 'Bearer ' },
      subscribe: { type: 'sub', payload },
      // Taken back as it was asked for.
      unsubscribe: { type: 'unsubscribe', payload },
      batched: false,
      types: { tick: 'trade' },
      candleTime: 'end',
      ackTime: 500,
    });
  });

  it('may have a byte order mark, and white space wherever JSON has it', () => {
    expect(dialectOf('\ufeff \n{ "quipuDialect" : 1 ,\r\n\t"ackTime" : 5e3 }\n').ackTime).toBe(5_000);
  });
});

describe('what is wrong with it is told with its path', () => {
  const bad: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
    ['nothing', '', /^: is no JSON: The document is empty/],
    ['no object', '[]', /^quipuDialect: is missing/],
    ['no marker', '{}', /^quipuDialect: is missing.*begins with {"quipuDialect": 1/],
    ['a newer version', '{"quipuDialect": 2}', /^quipuDialect: is 2, of a newer Quipu.*Update/],
    ['a version in quotes', '{"quipuDialect": "1"}', /^quipuDialect: must be 1/],
    ['an old version', '{"quipuDialect": 0}', /^quipuDialect: must be 1/],
    ['a comma too many', '{"quipuDialect": 1,}', /^: is no JSON: This comma is one too many/],
    ['a missing comma', '{"quipuDialect": 1 "name": ""}', /^: is no JSON: A comma or } is missing/],
    ['a missing colon', '{"quipuDialect" 1}', /A colon is missing/],
    ['a name without quotes', '{quipuDialect: 1}', /A name in double quotes/],
    ['single quotes', "{'quipuDialect': 1}", /A name in double quotes/],
    ['a value that is none', '{"quipuDialect": yes}', /A value is missing here/],
    ['an end too early', '{"quipuDialect":', /breaks off/],
    ['a text over two lines', '{"quipuDialect": 1, "name": "a\nb"}', /no closing quote/],
    ['a comment', '{"quipuDialect": 1} // mine', /no comments/],
    ['something behind it', '{"quipuDialect": 1} {}', /ends before this/],
    ['too deep', `{"quipuDialect":1,"subscribe":${'['.repeat(20)}${']'.repeat(20)}}`, /nested too deeply/],
    ['too large', document({ name: 'x'.repeat(MAX_DOCUMENT) }), /^: is larger than 64 KB/],
    ['a field that is none', document({ adresses: {} }), /^adresses: is not known here.*addresses, header/],
    ['an odd field', document({ 'a b': 1 }), /^\["a b"\]: is not known/],
    ['a field twice', '{"quipuDialect":1,"ackTime":500,"ackTime":600}', /^ackTime: stands here twice/],
    ['a name that is no text', document({ name: 1 }), /^name: must be text/],
    ['a name that turns text around', document({ name: 'a\u202eb' }), /^name: has characters/],
    ['a name with space around', document({ name: ' a' }), /^name: begins or ends/],
    ['addresses that are a list', document({ addresses: [] }), /^addresses: must be an object/],
    ['an address that is none', document({ addresses: { trades: 'x' } }), /^addresses\.trades: must be/],
    ['one in the clear', document({ addresses: { trades: 'ws://a.example' } }), /must begin with wss:/],
    ['one of another kind', document({ addresses: { dictionary: 'wss://a.example' } }), /begins with https:/],
    ['a password in one', document({ addresses: { candles: 'wss://u:p@a.example' } }), /no user, password/],
    ['a fragment in one', document({ addresses: { candles: 'wss://a.example/#x' } }), /no user, password/],
    ['a query of the dictionary', document({ addresses: { dictionary: 'https://a.example?x' } }), /no query/],
    ['a script', document({ addresses: { trades: 'javascript:alert(1)' } }), /begins with wss:/],
    ['a header that is no token', document({ header: { name: 'My Key' } }), /^header\.name: must be/],
    ['a header in two lines', document({ header: { name: 'A\r\nB' } }), /^header\.name: must be/],
    ['a header of the handshake', document({ header: { name: 'Sec-WebSocket-Key' } }), /connection itself/],
    ['the host as header', document({ header: { name: 'HOST' } }), /connection itself/],
    ['a prefix in two lines', document({ header: { prefix: 'a\r\nX: y' } }), /^header\.prefix: must be/],
    ['a prefix that is not ASCII', document({ header: { prefix: 'ключ' } }), /^header\.prefix: must be/],
    ['a type that is none', document({ subscribe: { type: '' } }), /^subscribe\.type: must be text/],
    ['a payload that is a list', document({ subscribe: { payload: [] } }), /^subscribe\.payload: must be an/],
    [
      'a payload for no market',
      document({ subscribe: { payload: { a: 1 } } }),
      /^subscribe\.payload: does not say which/,
    ],
    [
      'a venue without a pair',
      document({ batched: false, unsubscribe: { payload: { a: '{venue}' } } }),
      /^unsubscribe\.payload: does not say which/,
    ],
    [
      'a placeholder that is none',
      document({ subscribe: { payload: { a: ['{marketIds}', '{market}'] } } }),
      /^subscribe\.payload\.a\[1\]: has the placeholder {market}, which is none/,
    ],
    [
      'a list within text',
      document({ subscribe: { payload: { a: 'x {marketIds}' } } }),
      /^subscribe\.payload\.a: has {marketIds} within/,
    ],
    [
      'a placeholder as a name',
      document({ subscribe: { payload: { '{marketId}': '{marketIds}' } } }),
      /is a placeholder where a name belongs/,
    ],
    [
      'a number that is not kept',
      '{"quipuDialect":1,"subscribe":{"payload":{"m":"{marketIds}","n":12345678901234567890}}}',
      /^subscribe\.payload\.n: is a number too large/,
    ],
    [
      'an endless number',
      '{"quipuDialect":1,"subscribe":{"payload":{"m":"{marketIds}","n":1e400}}}',
      /^subscribe\.payload\.n: is a number too large/,
    ],
    [
      'a prototype in a payload',
      '{"quipuDialect":1,"subscribe":{"payload":{"m":"{marketIds}","x":{"__proto__":{"y":1}}}}}',
      /^subscribe\.payload\.x\.__proto__: may not be __proto__/,
    ],
    [
      'a prototype among the types',
      '{"quipuDialect":1,"types":{"__proto__":"trade"}}',
      /may not be __proto__/,
    ],
    ['a prototype at the top', '{"quipuDialect":1,"__proto__":{}}', /^__proto__: is not known here/],
    ['a granularity called __proto__', document({ granularityField: '__proto__' }), /^granularityField: may/],
    ['no name of the granularity', document({ granularityField: '' }), /^granularityField: must be text/],
    [
      'a granularity over another field',
      document({ granularityField: 'marketIds' }),
      /^granularityField: must not be marketIds/,
    ],
    [
      'one market in a message for many',
      document({ subscribe: { payload: { a: '{marketId}' } } }),
      /^batched: must be false: "{marketId}"/,
    ],
    ['batched in quotes', document({ batched: 'false' }), /^batched: must be true or false/],
    ['types that are a list', document({ types: ['trade'] }), /^types: must be an object/],
    [
      'a kind that is none',
      document({ types: { tick: 'trades' } }),
      /^types\.tick: must be "trade", "candle"/,
    ],
    ['a type without a name', document({ types: { '': 'trade' } }), /is a type without a name/],
    [
      'very many types',
      document({ types: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`t${n}`, 'trade'])) }),
      /^types: has more than 100/,
    ],
    ['another candle time', document({ candleTime: 'middle' }), /^candleTime: must be "start" or "end"/],
    ['an ackTime too short', document({ ackTime: 499 }), /^ackTime: must be a whole number.*500 to 120000/],
    ['an ackTime too long', document({ ackTime: 120_001 }), /^ackTime: must be/],
    ['an ackTime with a fraction', document({ ackTime: 500.5 }), /^ackTime: must be/],
  ];

  it.each(bad)('%s', (_what, text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(problem)]);
  });

  it('all of it at once, in the order of the text, with the place of each', () => {
    const text = [
      '{',
      '  "quipuDialect": 1,',
      '  "header": {"name": "a b", "prefix": 7},',
      '  "candleTime": "noon",',
      '  "extra": true',
      '}',
    ].join('\n');
    const parsed = parseDialect(text);
    if (parsed.ok) throw new Error('it is taken');
    expect(
      parsed.problems.map(({ path, from, to, line, column }) => [path, text.slice(from, to), line, column]),
    ).toEqual([
      ['header.name', '"a b"', 3, 22],
      ['header.prefix', '7', 3, 39],
      ['candleTime', '"noon"', 4, 17],
      ['extra', '"extra"', 5, 3],
    ]);
  });

  it('is refused with problems, whatever the text; it never throws', () => {
    const pieces = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"', '\\', '\n', '1', '-', 'e9', 'true', 'null', ' ', '\u0000'],
      ...['"quipuDialect":1', '"types"', '"subscribe"', '"payload"', '"{marketId}"', '"__proto__"'],
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((parts) => parts.join('')),
      fc.json(),
      fc
        .tuple(
          fc.constantFrom('types', 'subscribe', 'header', 'addresses', 'ackTime', 'batched'),
          fc.jsonValue(),
        )
        .map(([name, value]) => document({ [name]: value })),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseDialect(text);
        if (parsed.ok) return;
        expect(parsed.problems.length).toBeGreaterThan(0);
        for (const { from, to, line, message } of parsed.problems) {
          expect(from).toBeLessThanOrEqual(to);
          expect(to).toBeLessThanOrEqual(Math.max(1, text.length));
          expect(line).toBe(text.slice(0, from).split('\n').length);
          expect(message).toMatch(/[.…]$/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

const word = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[{}\p{C}]/u.test(text));
const fieldName = word.filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name));
const template = (depth: number): fc.Arbitrary<Template> =>
  fc.oneof(
    fc.constant('{marketIds}'),
    word,
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger().map((number) => (number === 0 ? 0 : number)),
    ...(depth === 0
      ? []
      : [
          fc.array(template(depth - 1), { maxLength: 3 }),
          fc.dictionary(fieldName, template(depth - 1), { maxKeys: 3, noNullPrototype: true }),
        ]),
  );
const payload = (market: Template): fc.Arbitrary<{ readonly [name: string]: Template }> =>
  fc
    .tuple(fieldName, fc.dictionary(fieldName, template(2), { maxKeys: 3, noNullPrototype: true }))
    .map(([name, others]) => ({ ...others, [name]: market }));
const address = (scheme: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.domain(), fc.constantFrom('', '/ws', '/a/b', '/a?b=c'))
    .map(([host, path]) => `${scheme}://${host}${path}`);
const documents: fc.Arbitrary<DialectDocument> = fc
  .record({
    batched: fc.boolean(),
    name: fc.string({ maxLength: 60 }).filter((name) => !/\p{C}/u.test(name) && name.trim() === name),
    header: fc.record({
      name: fc.constantFrom('Authorization', 'X-Api-Key', 'a!b'),
      prefix: fc.constantFrom('', 'Bearer ', '"~"'),
    }),
    types: fc.dictionary(fieldName, fc.constantFrom('trade', 'candle', 'ack', 'error'), {
      noNullPrototype: true,
    }),
    candleTime: fc.constantFrom('start', 'end'),
    ackTime: fc.integer({ min: 500, max: 120_000 }),
    granularityField: fieldName,
    subscribeType: word,
    unsubscribeType: word,
  })
  .chain(({ name, subscribeType, unsubscribeType, ...rest }) => {
    const market = rest.batched
      ? fc.constant<Template>('{marketIds}')
      : fc.constantFrom<Template[]>('{marketIds}', 'x:{marketId}', { v: '{venue}', p: ['{pair}'] });
    return fc.record({
      name: fc.constant(name),
      dialect: fc.record({
        batched: fc.constant(rest.batched),
        header: fc.constant(rest.header),
        types: fc.constant(rest.types),
        candleTime: fc.constant(rest.candleTime),
        ackTime: fc.constant(rest.ackTime),
        granularityField: fc.constant(rest.granularityField),
        addresses: fc.record({
          trades: address('wss'),
          candles: fc.oneof(address('wss'), fc.constant('ws://127.0.0.1:9/x')),
          dictionary: fc.constantFrom('https://a.example/d', 'http://localhost:8080'),
        }),
        subscribe: fc.record({ type: fc.constant(subscribeType), payload: market.chain(payload) }),
        unsubscribe: fc.record({ type: fc.constant(unsubscribeType), payload: market.chain(payload) }),
      }),
    });
  })
  .filter(({ dialect: { granularityField, subscribe, unsubscribe } }) =>
    [subscribe, unsubscribe].every(({ payload: own }) => !Object.hasOwn(own, granularityField)),
  );

describe('export and import', () => {
  it('give the same dialect back, whole or as what differs, and the same text again', () => {
    fc.assert(
      fc.property(documents, fc.boolean(), (given, all) => {
        const text = writeDialect(given, all);
        expect(problemsOf(text)).toEqual([]);
        const parsed = parseDialect(text);
        if (!parsed.ok) return;
        expect(parsed.document).toEqual(given);
        expect(writeDialect(parsed.document, all)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the reference, docs/dialect.md', () => {
  const blocks = readFileSync(resolve(import.meta.dirname, '../../../docs/dialect.md'), 'utf8')
    .split('```json\n')
    .slice(1)
    .map((block) => block.split('```')[0] ?? '');

  it('has an example that is what it says: document, request and candle', () => {
    const [text = '', request = '', candle = ''] = blocks;
    const dialect = dialectOf(text);
    const names = { venue: 'binance', pair: 'btc-usdt' };
    const asked = { endpoint: 'candles', action: 'subscribe', traceId: 'k3f9-1', granularity: '1m' } as const;
    expect(JSON.parse(subscribeMessage(dialect, { ...asked, markets: ['m'], names }))).toEqual(
      JSON.parse(request),
    );
    const { candles } = decode(candle, { dialect, lookup: (venue, pair) => `${venue} ${pair}` });
    expect(candles).toMatchObject([
      { market: 'binance btc-usdt', start: Date.parse('2024-01-15T18:09:00Z') * 1000, close: '42519.59' },
    ]);
  });
});
