import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { notificationWords } from '../../main/shell/notification-words.ts';

describe('the words of a notification', () => {
  it('Linux’s servers get no markup but as text', () => {
    const words = notificationWords({ title: 'a <b>', body: '<img src=x> & <b>bold</b> &lt;' }, 'linux');
    expect(words).toEqual({
      title: 'a <b>',
      body: '&lt;img src=x&gt; &amp; &lt;b&gt;bold&lt;/b&gt; &amp;lt;',
    });
    expect(notificationWords({ title: '', body: '<b> & c' }, 'darwin').body).toBe('<b> & c');
  });

  it('nothing reorders, nothing breaks lines, and it is bounded, whatever a server sends', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.constantFrom('\u202eabc', 'a\u0000b', '<a href="x">', '&#0;', '\u2066'.repeat(900), '<'.repeat(900)),
    );
    fc.assert(
      fc.property(text, text, (title, body) => {
        const words = notificationWords({ title, body }, 'linux');
        for (const each of [words.title, words.body]) expect(each).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(words.body.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/[<>&]/);
        expect(words.title.length).toBeLessThanOrEqual(120);
        expect(words.body.length).toBeLessThanOrEqual(400 * 5);
      }),
      { numRuns: 300 },
    );
  });
});
