/** The files that a feed of updates lists, which may say anything. */
import { ASK_FEED, NOTHING_HERE, type Trouble } from './trouble.ts';

export interface ListedFile {
  /** Absolute, or from the feed's address. */
  readonly url: string;
  readonly sha512: string | null;
}

/** What an installation that replaces itself is replaced with. */
const PACKAGES: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: '.zip',
  linux: '.AppImage',
  win32: '.exe',
};

export function listedFiles(given: unknown): readonly ListedFile[] {
  if (!Array.isArray(given)) return [];
  return given.flatMap((each: unknown): ListedFile[] => {
    if (typeof each !== 'object' || each === null) return [];
    const { url, sha512 } = each as Readonly<Record<string, unknown>>;
    if (typeof url !== 'string') return [];
    return [{ url, sha512: typeof sha512 === 'string' && sha512 !== '' ? sha512 : null }];
  });
}

/** Why an installation on that platform cannot replace itself with any of them; null: it can. */
export function listTrouble(files: readonly ListedFile[], platform: NodeJS.Platform): Trouble | null {
  const extension = PACKAGES[platform]?.toLowerCase();
  const needed = files.filter(({ url }) => extension !== undefined && url.toLowerCase().endsWith(extension));
  if (needed.length === 0) return NOTHING_HERE;
  // What comes from there is run: without this it could be anything.
  return needed.every(({ sha512 }) => sha512 !== null)
    ? null
    : { message: 'The feed of updates does not say how to check what it offers (sha512).', action: ASK_FEED };
}
