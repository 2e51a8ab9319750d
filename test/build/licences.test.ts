/** The licences that the app is shipped with. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { licencesOf } from '../../build/licences.ts';

let root = '';

beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'quipu-licences-'))));
afterEach(() => rmSync(root, { recursive: true }));

function add(name: string, about: object, licence: string | null): void {
  const folder = join(root, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.2.3', ...about }));
  if (licence !== null) writeFileSync(join(folder, 'LICENSE.md'), licence);
}

test('each package once, by name, with its own words', () => {
  add('b', { license: 'ISC' }, 'What b\r\nsays\n');
  add('@a/c', { license: 'MIT' }, 'What c says');
  const text = licencesOf(root, ['b', '@a/c', 'b', 'not-installed']);
  expect(text.match(/1\.2\.3/g)).toHaveLength(2);
  expect(text.indexOf('@a/c 1.2.3 (MIT)\n\nWhat c says')).toBeLessThan(
    text.indexOf('b 1.2.3 (ISC)\n\nWhat b\nsays'),
  );
});

test('a package without a file has the text of the licence that it names, with its author', () => {
  add('plain', { license: 'MIT', author: 'A. Writer' }, null);
  add('object', { license: 'MIT', author: { name: 'B. Writer' } }, null);
  const text = licencesOf(root, ['plain', 'object']);
  expect(text).toContain('plain 1.2.3 (MIT)\n\nCopyright (c) A. Writer\n\nPermission is hereby granted');
  expect(text).toContain('Copyright (c) B. Writer');
});

test.each([{ license: 'GPL-3.0', author: 'A. Writer' }, { license: 'MIT' }, {}])(
  'one without a licence is not shipped: %o',
  (about) => {
    add('bare', about, null);
    expect(() => licencesOf(root, ['bare'])).toThrow('bare has no licence file.');
  },
);
