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

/** For a package that names it and has no file of it: https://spdx.org/licenses/MIT.html */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

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
 * @throws {Error} when a package has no licence file and does not name MIT and its author: it must not be
 *   shipped without a licence
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
  const { author, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly license?: string;
    readonly author?: string | { readonly name: string };
  };
  const files = readdirSync(folder)
    .filter((file) => FILE.test(file))
    .sort();
  const holder = typeof author === 'object' ? author.name : author;
  const isNamed = license === 'MIT' && holder !== undefined;
  if (files.length === 0 && !isNamed) throw new Error(`${name} has no licence file.`);
  const texts =
    files.length === 0
      ? [`Copyright (c) ${holder ?? ''}`, MIT]
      : files.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n') + '\n';
}
