/** The renderer's files by the path of a request, and nothing outside their folder. */
import { readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

export interface StaticFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/**
 * @param target a request's target, as in its first line
 * @returns null when there is no such file, its kind is not served, or it lies outside `folder`
 */
export async function readStatic(folder: string, target: string): Promise<StaticFile | null> {
  const path = pathOf(target);
  const type = path === null ? undefined : TYPES[extname(path).toLowerCase()];
  if (path === null || type === undefined) return null;
  try {
    const root = await realpath(folder);
    // After links are followed: what counts is where the file is, not how it is called.
    const file = await realpath(join(root, path));
    return file.startsWith(root + sep) ? { type, bytes: await readFile(file) } : null;
  } catch {
    return null;
  }
}

/** The decoded path with `/` as index.html; null when it could mean something else than it says. */
function pathOf(target: string): string | null {
  const [given = ''] = target.split(/[?#]/);
  let path: string;
  try {
    path = decodeURIComponent(given);
  } catch {
    return null;
  }
  if (!path.startsWith('/') || /[\0\\:]/.test(path)) return null;
  if (path.split('/').some((part) => part.startsWith('.'))) return null;
  return path === '/' ? '/index.html' : path;
}
