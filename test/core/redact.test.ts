import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REDACTED, redactorOf } from '../../main/core/redact.ts';

const KEY = 'k"3y/with\\odd+chars&more';

describe('the key in the words of others', () => {
  const redact = redactorOf(KEY);

  it.each([
    ['as it is', KEY],
    ['as JSON', JSON.stringify(KEY).slice(1, -1)],
    ['as JSON with escaped slashes', JSON.stringify(KEY).slice(1, -1).replaceAll('/', '\\/')],
    ['in an address', encodeURIComponent(KEY)],
    ['in base64', Buffer.from(KEY).toString('base64')],
  ])('is taken out %s', (_how, form) => {
    const clean = redact(`The key ${form} is not valid; ${form}.`);
    expect(clean).toContain(REDACTED);
    expect(clean).not.toContain(form);
    expect(clean).toMatch(/^The key .* is not valid; /);
  });

  it('is taken out of a text that was cut within it', () => {
    for (let length = 6; length < KEY.length; length++) {
      expect(redact(`bad key ${KEY.slice(0, length)}`)).toBe(`bad key ${REDACTED}`);
      expect(redact(`bad key ${KEY.slice(0, length)}…`)).toBe(`bad key ${REDACTED}`);
    }
  });

  it('whatever the key and the words, none of it is left', () => {
    const key = fc.string({ minLength: 8, maxLength: 60, unit: fc.constantFrom(...'aB3-_/"\\+=. ') });
    fc.assert(
      fc.property(key, fc.string(), fc.string(), fc.nat(), (key, before, after, cut) => {
        const text = `${before}${key}${after}${key}`.slice(0, before.length + key.length + cut);
        expect(redactorOf(key)(text)).not.toContain(key);
      }),
    );
  });

  it('leaves words without it as they are, and does not take a key too short to be one for it', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(redactorOf('a-key-of-some-length')(text)).toBe(text);
        expect(redactorOf('a')(text)).toBe(text);
        expect(redactorOf(null)(text)).toBe(text);
      }),
    );
  });
});
