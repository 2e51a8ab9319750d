import { describe, expect, it } from 'vitest';
import type { JournalEntry, OutageReport } from '../../main/core/contract.ts';
import { clockWords, formatLag, outageWords, reasonWords, toneOf } from '../../renderer/views/feed-words.ts';

const REPORT: OutageReport = {
  ...{ type: 'outage', endpoint: 'trades', at: 20_000, from: 0, to: 12_000, state: 'recovered' },
  ...{ cause: 'The connection broke.', recovered: 14, duplicates: 38, overlap: true },
};

describe('words of the feed', () => {
  it.each<[Partial<OutageReport>, string]>([
    [{}, 'reconnected: 14 recovered, 38 duplicates removed, overlap found, nothing lost'],
    [
      { recovered: 0, duplicates: 1 },
      'reconnected: 0 recovered, 1 duplicate removed, overlap found, nothing lost',
    ],
    [
      { duplicates: 0, overlap: false },
      'reconnected: 14 recovered, 0 duplicates removed, as far back as the server sends again',
    ],
    [{ state: 'unverified', overlap: false }, 'reconnected: 12 s unverified, no overlap found'],
    [{ state: 'lost' }, '12 s lost'],
  ])('an outage of %j is: %s', (over, words) => {
    expect(outageWords({ ...REPORT, ...over })).toBe(words);
  });

  it.each<[number | null, string, string]>([
    [null, '–', 'The server has not told its time.'],
    [0, '0.0 s ± 0.5 s', 'agree'],
    [420, '+0.4 s ± 0.5 s', 'agree'],
    [-420, '−0.4 s ± 0.5 s', 'agree'],
    [1_240, '+1.2 s ± 0.5 s', 'ahead of the server’s: lag looks 1.2 s too long.'],
    [-3_000, '−3.0 s ± 0.5 s', 'behind the server’s: lag looks 3.0 s too short. Set this computer’s clock.'],
    [3_600_000, '+1 h ± 0.5 s', 'lag looks 1 h too long. Set'],
  ])('a clock that is %s ms off reads %s', (offset, value, meaning) => {
    const words = clockWords(offset);
    expect(words.value).toBe(value);
    expect(words.meaning).toContain(meaning);
  });

  it.each([
    [null, '–'],
    [0.4, '<1 ms'],
    [88.6, '89 ms'],
    [-250, '−250 ms'],
    [61_000, '1 m 1 s'],
  ])('a lag of %s ms is %s', (ms, words) => {
    expect(formatLag(ms)).toBe(words);
  });

  it('every reason that the decoder has is told in plain words; a new one is not hidden', () => {
    const reasons = ['json', 'utf8', 'depth', 'size', 'price', 'time', 'market', 'id', 'count', 'shape'];
    const meanings = [...reasons, 'granularity'].map((reason) => reasonWords(reason).meaning);
    expect(new Set(meanings).size).toBe(reasons.length + 1);
    expect(meanings).not.toContain(reasonWords('something new').meaning);
    expect(reasonWords('something new').title).toBe('something new');
  });

  it('what ends a link stands out, and what opens one does not alarm', () => {
    const transition = (to: 'live' | 'waiting' | 'refused' | 'connecting'): JournalEntry => ({
      ...{ row: 1, session: null, type: 'transition', endpoint: 'trades', at: 0, from: 'idle', to },
      ...{ kind: 'x', message: 'x', serverWords: null },
    });
    expect(
      ['live', 'waiting', 'refused', 'connecting'].map((to) => toneOf(transition(to as 'live'))),
    ).toEqual(['good', 'warn', 'bad', 'plain']);
    expect(toneOf({ ...REPORT, state: 'lost', row: 1, session: 1 })).toBe('bad');
  });
});
