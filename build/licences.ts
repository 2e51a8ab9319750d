/** The licences of what the app is made of, out of the packages' own files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;
const RULE = '='.repeat(78);
const HEAD = `Quipu is made with the work of others. These are their licences, as their
packages have them.

Electron contains Chromium, Node.js and others, whose licences are in
LICENSES.chromium.html in the folder that Quipu is installed in.
better-sqlite3 contains SQLite, which is in the public domain.
`;

/** The package that a module is of, by its path; null for one of ours. */
export function packageOf(path: string): string | null {
  const inside = path.replaceAll('\\', '/').split('/node_modules/').at(-1);
  if (inside === undefined || !path.replaceAll('\\', '/').includes('/node_modules/')) return null;
  const [first = '', second = ''] = inside.split(/[/?]/);
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/**
 * One text for all of them, by name.
 *
 * @throws {Error} when a package has no licence file: it must not be shipped without one
 */
export function licencesOf(root: string, packages: readonly string[]): string {
  const parts = [...new Set(packages)].sort().flatMap((name) => {
    const folder = join(root, 'node_modules', name);
    // keytar may be missing where it cannot be built, and is not shipped then.
    return existsSync(folder) ? [licenceOf(folder, name)] : [];
  });
  return [HEAD, ...parts].join(`\n${RULE}\n\n`);
}

function licenceOf(folder: string, name: string): string {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly license?: string;
  };
  const files = readdirSync(folder)
    .filter((file) => FILE.test(file))
    .sort();
  if (files.length === 0) throw new Error(`${name} has no licence file.`);
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n') + '\n';
}
