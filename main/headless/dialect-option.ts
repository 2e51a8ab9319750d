import { environmentDialect } from '../core/environment.ts';
import { type GivenDialect, OwnDialect } from '../core/own-dialect.ts';
import { UsageError } from './exit.ts';
import { withRecordings } from './recordings.ts';

/** `--dialect FILE`, else QUIPU_DIALECT; null without both. @throws {QuipuError} for a file that is no dialect */
export function dialectOption(given: string | undefined): GivenDialect | null {
  if (given === '') throw new UsageError('--dialect needs the name of a file.');
  return given === undefined ? environmentDialect() : environmentDialect({ QUIPU_DIALECT: given });
}

/** The dialect that is given, else the one that is kept in the folder, without opening it for writing. */
export async function ownDialect(
  folder: string,
  given: GivenDialect | null,
  addresses: ConstructorParameters<typeof OwnDialect>[2],
): Promise<OwnDialect> {
  return withRecordings(folder, async (store) => {
    const own = new OwnDialect(store, given, addresses);
    await own.read();
    return own;
  });
}
