/** What a test of the key showed, in the words of the screen. */
import type { KeyVerdict } from '../../main/core/contract.ts';
import { ENDPOINT_TITLE } from './words.ts';

export interface VerdictWords {
  readonly title: string;
  /** `unknown`: the server was not reached or did not judge the key. */
  readonly state: 'accepted' | 'refused' | 'unknown';
  readonly text: string;
  /** The server's own. */
  readonly serverWords: string | null;
}

export function verdictWords({ endpoint, problem }: KeyVerdict): VerdictWords {
  const title = ENDPOINT_TITLE[endpoint];
  if (problem === null) return { title, state: 'accepted', text: 'The key is accepted.', serverWords: null };
  const { action, kind, message, serverWords } = problem;
  if (kind === 'unauthorized' || kind === 'forbidden')
    return { title, state: 'refused', text: `${message} ${action}`, serverWords };
  // A link would come back by itself; a test is one attempt.
  return {
    title,
    state: 'unknown',
    text: `${message} The key was not judged: test it again later.`,
    serverWords,
  };
}
