/** The words for a work on the store that takes long, the same in every host. */
import type { StoreProgress } from './store.ts';

const WORDS: Readonly<Record<StoreProgress['task'], string>> = {
  copying: 'Copying the record before an update',
  updating: 'Updating the record',
  salvaging: 'Reading what can be read of a damaged record',
  checking: 'Checking the record',
  sealing: 'Sealing trades',
  compacting: 'Writing the small file',
};

/** `Updating the record: 40 %`. */
export function progressWords({ task, share }: StoreProgress): string {
  return `${WORDS[task]}: ${Math.floor(share * 100)} %`;
}

/**
 * Passes on only what says something new, since a large record reports very often.
 *
 * @param step the least difference of the share, 0 to 1
 */
export function everyStep(step: number, tell: (words: string) => void): (progress: StoreProgress) => void {
  let last = '';
  return (progress) => {
    const words = progressWords({ ...progress, share: Math.floor(progress.share / step) * step });
    if (words === last) return;
    last = words;
    tell(words);
  };
}
