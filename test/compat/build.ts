/** Packages the app for the Electron that the tests have, as electron-builder.yml says. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { build, type Configuration, Platform } from 'electron-builder';
import { type BundleTarget, bundleAll, PRODUCT } from '../../build/bundle.ts';

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

/** @returns the packaged program's path */
export async function packageApp(electron: TestElectron): Promise<string> {
  const target = Number.parseInt(electron.version, 10) < NEEDS_NO_HELP ? COMPAT : PRODUCT;
  await bundleAll(target);
  await build({
    projectDir: ROOT,
    targets: Platform.LINUX.createTarget('dir'),
    config: configFor(electron, target),
  });
  const folder = join(OUT, 'linux-unpacked');
  if (electron.sqlite !== null) {
    const addon = join('node_modules', 'better-sqlite3', 'prebuilds', `linux-${process.arch}.node`);
    copyFileSync(electron.sqlite, join(folder, 'resources', 'app.asar.unpacked', addon));
  }
  return join(folder, 'quipu');
}

/** The product's own configuration, but for what a test must have. */
function configFor(electron: TestElectron, target: BundleTarget): Configuration {
  const isCompat = target === COMPAT;
  const from = (part: string): string => relative(ROOT, join(target.out, part));
  return {
    extends: join(ROOT, 'electron-builder.yml'),
    electronDist: electron.folder,
    electronVersion: electron.version,
    directories: { output: OUT },
    // Playwright drives the main process through the inspector, which users do not get.
    electronFuses: { enableNodeCliInspectArguments: true },
    ...(isCompat && {
      files: [
        '!out/main/**',
        '!out/preload/**',
        '!out/renderer/**',
        ...['main', 'preload', 'renderer'].map((part) => ({
          from: from(part),
          to: `out/${part}`,
          filter: ['**/*', '!.made-from', '!.packages'],
        })),
      ],
    }),
  };
}

if (import.meta.main) {
  const electron = findTestElectron();
  if (electron === null) throw new Error('There is no Electron: set QUIPU_TEST_ELECTRON.');
  console.log(await packageApp(electron));
}
