/** Packages the app for the Electron that the tests have, as electron-builder.yml says. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from 'electron-builder';
import { type BundleTarget, bundleAll, PRODUCT } from '../../build/bundle.ts';
import { loadConfiguration } from '../../build/configuration.ts';
import { FUSES, readFuses } from '../../build/fuses.ts';
import { buildPackage, unpackedFolder } from '../../build/package.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const OUT = join(ROOT, 'out', 'test-app');

/** The first Electron that has all that the product uses of it. */
const NEEDS_NO_HELP = 45;

export interface TestElectron {
  /** Folder of the distribution. */
  readonly folder: string;
  readonly version: string;
  /** A better-sqlite3 addon for it, where the one in node_modules does not load. */
  readonly sqlite: string | null;
}

/** QUIPU_TEST_ELECTRON with QUIPU_TEST_SQLITE, else the one in node_modules/electron, else null. */
export function findTestElectron(): TestElectron | null {
  const folder = process.env['QUIPU_TEST_ELECTRON'] ?? join(ROOT, 'node_modules', 'electron', 'dist');
  const program = join(folder, 'electron');
  if (process.platform !== 'linux' || !existsSync(program)) return null;
  const { stdout } = spawnSync(program, ['-p', 'process.versions.electron'], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    encoding: 'utf8',
  });
  const version = stdout.trim();
  return version === '' ? null : { folder, version, sqlite: process.env['QUIPU_TEST_SQLITE'] ?? null };
}

/** For an older Electron the same sources, made for its Node and Chromium, and what these lack before them. */
const COMPAT: BundleTarget = {
  out: join(ROOT, 'out', 'compat'),
  node: 'node16',
  page: 'chrome108',
  before: {
    main: join(import.meta.dirname, 'main.ts'),
    worker: join(import.meta.dirname, 'node.ts'),
    page: join(import.meta.dirname, 'page.ts'),
  },
};

/** The addon that is exchanged for one that an older Electron can load. */
const ADDON = `node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`;
const STAMP = join(OUT, '.made-from');

export interface TestPackage {
  readonly folder: string;
  readonly program: string;
  /** The fuses that it was to get, those that this Electron lacks among them. */
  readonly fuses: NonNullable<Configuration['electronFuses']>;
  /** Files of the archive that were exchanged. */
  readonly exchanged: readonly string[];
}

/** One for all test files: made by the first that asks, and again when what it is made from changed. */
export async function packageApp(electron: TestElectron): Promise<TestPackage> {
  const target = Number.parseInt(electron.version, 10) < NEEDS_NO_HELP ? COMPAT : PRODUCT;
  const own = await loadConfiguration();
  // Playwright drives the main process through the inspector, which users do not get.
  const fuses = { ...own.electronFuses, enableNodeCliInspectArguments: true };
  const folder = unpackedFolder(OUT);
  const release = await lock(`${OUT}.lock`);
  try {
    await bundleAll(target);
    const configuration = configFor(own, fuses, electron, target);
    const print = fingerprint(configuration, target, electron);
    if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== print) {
      rmSync(OUT, { recursive: true, force: true });
      await buildPackage(configuration);
      if (electron.sqlite !== null)
        copyFileSync(electron.sqlite, join(folder, 'resources', 'app.asar.unpacked', ADDON));
      writeFileSync(STAMP, print);
    }
  } finally {
    release();
  }
  const exchanged = electron.sqlite === null ? [] : [ADDON];
  return { folder, program: join(folder, 'quipu'), fuses, exchanged };
}

/** The product's own configuration, but for what a test must have. */
function configFor(
  own: Configuration,
  fuses: NonNullable<Configuration['electronFuses']>,
  electron: TestElectron,
  target: BundleTarget,
): Configuration {
  const known = readFuses(join(electron.folder, 'electron'));
  const from = (part: string): string => relative(ROOT, join(target.out, part));
  const parts = ['main', 'preload', 'renderer'];
  const compat = [
    ...parts.map((part) => `!out/${part}/**`),
    ...parts.map((part) => ({
      from: from(part),
      to: `out/${part}`,
      filter: ['**/*', '!.made-from', '!.packages'],
    })),
  ];
  return {
    ...own,
    electronDist: electron.folder,
    electronVersion: electron.version,
    directories: { ...own.directories, output: OUT },
    // The library that sets them refuses all when one is not there.
    electronFuses: Object.fromEntries(
      FUSES.filter((fuse) => known.has(fuse)).map((fuse) => [fuse, fuses[fuse]]),
    ),
    ...(target === COMPAT && { files: [own.files ?? [], compat].flat() }),
  };
}

/** Of all that goes into the package. */
function fingerprint(configuration: Configuration, target: BundleTarget, { sqlite }: TestElectron): string {
  const stamps = ['main', 'preload', 'renderer'].map((part) =>
    readFileSync(join(target.out, part, '.made-from'), 'utf8'),
  );
  const files = [join(ROOT, 'package-lock.json'), join(ROOT, 'package.json'), join(ROOT, 'CHANGELOG.md')];
  const hash = createHash('sha256').update(JSON.stringify([configuration, stamps]));
  for (const file of files) hash.update(readFileSync(file));
  if (sqlite !== null) hash.update(`${sqlite} ${statSync(sqlite).mtimeMs}`);
  return hash.digest('hex');
}

/** One process at a time; the lock of a process that is gone is no lock. @returns lets go of it */
async function lock(folder: string): Promise<() => void> {
  const owner = join(folder, 'pid');
  mkdirSync(resolve(folder, '..'), { recursive: true });
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(owner, String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // Between the two steps above there is no owner yet.
    const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0;
    if (pid > 0 && !existsSync(`/proc/${pid}`)) rmSync(folder, { recursive: true, force: true });
    await sleep(100);
  }
}

if (import.meta.main) {
  const electron = findTestElectron();
  if (electron === null) throw new Error('There is no Electron: set QUIPU_TEST_ELECTRON.');
  console.log(JSON.stringify(await packageApp(electron)));
}
