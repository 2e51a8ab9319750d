/** The house's rules about who may import whom, read from the imports themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const ROOMS = ['main', 'preload', 'renderer'];
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

interface Import {
  readonly file: string;
  readonly target: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|svelte)$/.test(name))
    .map((name) => join(folder, name).split(sep).join('/'));
}

/** Relative targets as paths from the root; packages as their names. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((match) => {
    const name = match[1] ?? match[2] ?? match[3] ?? '';
    const target = name.startsWith('.')
      ? relative(root, resolve(root, dirname(file), name))
          .split(sep)
          .join('/')
      : name;
    return { file, target };
  });
}

const imports = ROOMS.flatMap(sources).flatMap(importsOf);
const from = (room: string): Import[] => imports.filter(({ file }) => file.startsWith(`${room}/`));
const isBuiltin = (target: string): boolean => target.startsWith('node:') || builtinModules.includes(target);
const show = ({ file, target }: Import): string => `${file} imports ${target}`;

describe('layers', () => {
  it('reads imports at all', () => {
    expect(from('main/core').map(show)).toContain('main/core/core.ts imports main/core/store/open.ts');
    expect(from('renderer').length).toBeGreaterThan(10);
  });

  it('electron is imported by main/shell and preload alone', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        target === 'electron' && !file.startsWith('main/shell/') && !file.startsWith('preload/'),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('the core knows no host, no demo and no screen', () => {
    const wrong = from('main/core').filter(({ target }) =>
      /^(main\/(?!core\/)|renderer\/|preload\/|svelte|uplot)/.test(target),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('the renderer knows the contract and results, and no Node', () => {
    const allowed = ['main/core/contract.ts', 'main/core/result.ts', 'main/core/desk.ts'];
    const wrong = from('renderer').filter(
      ({ file, target }) =>
        file !== 'renderer/vite.config.ts' &&
        ((/^(main|preload)\//.test(target) && !allowed.includes(target)) || isBuiltin(target)),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('the contract and results import nothing that needs Node', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        ['contract', 'result', 'desk'].some((name) => file === `main/core/${name}.ts`) &&
        target !== 'main/core/result.ts',
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('the protocol has no socket, no clock and no file', () => {
    const wrong = from('main/core/protocol').filter(
      ({ target }) => isBuiltin(target) || target === 'ws' || /^main\/core\/(session|store)/.test(target),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('the database is known to the store alone, and keytar to the keychain', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        (target === 'better-sqlite3' && !file.startsWith('main/core/store/')) ||
        (target === 'keytar' && file !== 'main/core/keychain.ts'),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('electron-updater is known to the updates of the desktop alone', () => {
    const updater = imports.filter(({ target }) => /^electron-updater($|\/)/.test(target));
    expect(updater.map(show)).toContain('main/shell/updates/updater.ts imports electron-updater');
    const wrong = updater.filter(({ file }) => !file.startsWith('main/shell/updates/'));
    expect(wrong.map(show)).toEqual([]);
  });

  it('the hosts know nothing of each other', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        (file.startsWith('main/shell/') && target.startsWith('main/headless/')) ||
        (file.startsWith('main/headless/') && target.startsWith('main/shell/')),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('the demo feed shares no code with what it tests: of the core it knows types and results', () => {
    const allowed = ['ports', 'contract', 'result', 'system-clock'].map((name) => `main/core/${name}.ts`);
    const wrong = from('main/demo').filter(
      ({ target }) => target.startsWith('main/core/') && !allowed.includes(target),
    );
    expect(wrong.map(show)).toEqual([]);
  });
});
