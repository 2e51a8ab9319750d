import { expect, it } from 'vitest';
import type { LinkProblem } from '../../main/core/contract.ts';
import { verdictWords } from '../../renderer/views/key-words.ts';

const problem = (kind: string, status: number | null): LinkProblem => ({
  ...{ kind, status, serverWords: 'no', message: 'It did not work.' },
  action: 'Wait: Quipu tries again by itself.',
});

it('an accepted key, a refused one, and one that was not judged', () => {
  expect(verdictWords({ endpoint: 'trades', problem: null })).toEqual({
    ...{ title: 'Trades', state: 'accepted', text: 'The key is accepted.', serverWords: null },
  });
  const refused = verdictWords({ endpoint: 'candles', problem: problem('unauthorized', 401) });
  expect(refused).toMatchObject({ title: 'Candles', state: 'refused', serverWords: 'no' });
  const limited = verdictWords({ endpoint: 'trades', problem: problem('rate-limited', 429) });
  expect(limited.state).toBe('unknown');
  // A test is one attempt: it must not promise another.
  expect(limited.text).toBe('It did not work. The key was not judged: test it again later.');
});
