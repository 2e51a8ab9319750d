/** The checks of the feed's options, and what they name. */
import { QuipuError } from '../core/result.ts';
import type { DemoFeedOptions } from './feed.ts';
import { MAX_LISTED } from './listing.ts';
import type { PlaybackTape } from './playback.ts';
import { readPlaybackFile } from './playback.ts';

/** The feed inside the app: lively enough to watch, light enough to forget. */
export const DEFAULT_RATE = 60;
export const DEFAULT_SEED = 1;
export const MIN_RATE = 0.1;
export const MAX_RATE = 100_000;

const MAX_MARKET_ID = 128;

/** @returns the file of trades that the options name, or null. @throws {QuipuError} `bad-argument`, `not-found` */
export async function checkedOptions(options: DemoFeedOptions): Promise<PlaybackTape | null> {
  const { port, seed, rate, key, playback, dictionarySize } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw bad('The port', 'a number from 0 to 65535');
  if (!Number.isSafeInteger(seed)) throw bad('The seed', 'a whole number');
  if (!(rate >= MIN_RATE && rate <= MAX_RATE))
    throw bad('The rate', `from ${MIN_RATE} to ${MAX_RATE} trades a second`);
  // What a header cannot carry could never be given.
  if (!/^[\x21-\x7e]{1,4096}$/.test(key)) throw bad('The key', 'printable ASCII without spaces');
  if (
    dictionarySize !== undefined &&
    !(Number.isInteger(dictionarySize) && dictionarySize >= 1 && dictionarySize <= MAX_LISTED)
  )
    throw bad('The dictionary', `of 1 to ${MAX_LISTED} markets`);
  if (playback === undefined) return null;
  if (!(playback.speed > 0 && Number.isFinite(playback.speed))) throw bad('The speed', 'a number above 0');
  if (playback.market === '' || playback.market.length > MAX_MARKET_ID) {
    throw bad('The market', `an id of 1 to ${MAX_MARKET_ID} characters`);
  }
  return readPlaybackFile(playback.file);
}

function bad(what: string, must: string): QuipuError {
  return new QuipuError('bad-argument', `${what} of the demo feed must be ${must}.`);
}
