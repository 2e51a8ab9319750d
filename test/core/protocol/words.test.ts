import { describe, expect, it } from 'vitest';
import { cleanWords } from '../../../main/core/protocol/words.ts';

describe('cleanWords', () => {
  it.each<[string, string, string]>([
    ['leaves plain words', 'unknown market', 'unknown market'],
    ['leaves other scripts', 'marché inconnu 市場 🙂', 'marché inconnu 市場 🙂'],
    ['makes controls a space', 'a\u0000\u0007\r\n\tb\u0085c\u007fd', 'a b c d'],
    ['takes out marks that reorder text', 'a\u202eb\u2066c\u200fd\u061ce\ufefff', 'abcdef'],
    ['makes line separators a space', 'a\u2028b', 'a b'],
    ['replaces halves of pairs', 'a\ud800b', 'a\ufffdb'],
    ['trims', '  a \n', 'a'],
    ['may leave nothing', '\u0001\u202e', ''],
  ])('%s', (_, text, expected) => {
    expect(cleanWords(text)).toBe(expected);
  });

  it('is bounded, and cuts no pair in two', () => {
    expect(cleanWords('x'.repeat(100_000))).toHaveLength(500);
    expect(cleanWords('🙂'.repeat(10), 5)).toBe('🙂🙂');
  });
});
