/**
 * `npm run build`: bundles what Electron and the browser host load, into out/. What is up to date is
 * left as it is.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { build, type PluginOption } from 'vite';
import { licencesOf, packageOf } from './licences.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** What the bundles are made for. */
export interface BundleTarget {
  /** Folder that gets `main`, `preload` and `renderer`. */
  readonly out: string;
  /** The Node that runs the main process and its threads, e.g. `node24`. */
  readonly node: string;
  /** The Chromium that runs the pages, e.g. `chrome150`; null: what the renderer's own config says. */
  readonly page: string | null;
  /** A module for each kind of program that runs before its first line, as absolute paths. */
  readonly before: Readonly<Partial<Record<Kind, string>>>;
}

type Kind = 'main' | 'worker' | 'page';

/** The Node and the Chromium of the Electron that package.json pins. */
export const PRODUCT: BundleTarget = { out: join(ROOT, 'out'), node: 'node24', page: null, before: {} };

/** Loaded from node_modules at run time: native, or of the host. */
const EXTERNAL = new Set(['electron', 'better-sqlite3', 'keytar', 'ws', ...builtinModules]);
const isExternal = (id: string): boolean => id.startsWith('node:') || EXTERNAL.has(id);

const MAIN_ENTRIES: readonly { readonly name: string; readonly file: string; readonly kind: Kind }[] = [
  { name: 'main', file: 'main/shell/main.ts', kind: 'main' },
  { name: 'writer-worker', file: 'main/core/store/writer-worker.ts', kind: 'worker' },
  { name: 'reader-worker', file: 'main/core/store/reader-worker.ts', kind: 'worker' },
  { name: 'demo-worker', file: 'main/demo/worker.ts', kind: 'worker' },
  { name: 'keytar-process', file: 'main/shell/keytar-process.ts', kind: 'worker' },
];
/** Packages that the package has beside the bundles. */
const SHIPPED = ['electron', 'better-sqlite3', 'keytar', 'ws'];
const PRELOAD_ENTRY = 'preload/preload.ts';
const PAGE_ENTRY = 'renderer/main.ts';
const ICONS = join(ROOT, 'build', 'icons');
/** Which of the bundler's plugins is slow is no news to who builds. */
const QUIET = { pluginTimings: false };

/** The page with its styles, fonts and pictures, to `<out>/renderer`. */
export async function bundleRenderer(target: BundleTarget = PRODUCT): Promise<void> {
  const folder = join(target.out, 'renderer');
  await unlessDone(target, folder, ['renderer', 'main/core'], async () => {
    await build({
      root: join(ROOT, 'renderer'),
      configFile: join(ROOT, 'renderer', 'vite.config.ts'),
      logLevel: 'warn',
      plugins: [importFirst(join(ROOT, PAGE_ENTRY), target.before.page), notePackages(folder)],
      build: {
        outDir: folder,
        emptyOutDir: true,
        ...(target.page !== null && { target: target.page }),
        rolldownOptions: { checks: QUIET },
      },
    });
  });
}

/** The main process with its threads to `<out>/main`, the preload script to `<out>/preload`. */
export async function bundleMain(target: BundleTarget = PRODUCT): Promise<void> {
  const main = join(target.out, 'main');
  await unlessDone(target, main, ['main', 'build/icons'], async () => {
    await rm(main, { recursive: true, force: true });
    for (const { name, file, kind } of MAIN_ENTRIES) {
      await buildNode(target, main, name, file, target.before[kind]);
    }
    await cp(ICONS, join(main, 'icons'), { recursive: true });
  });
  const preload = join(target.out, 'preload');
  await unlessDone(target, preload, ['preload', 'main/core'], () =>
    buildNode(target, preload, 'preload', PRELOAD_ENTRY),
  );
}

/** Everything that the app is made of, and the licences of what is by others, to `<out>/renderer/licences.txt`. */
export async function bundleAll(target: BundleTarget = PRODUCT): Promise<void> {
  await bundleMain(target);
  await bundleRenderer(target);
  const bundled = ['main', 'preload', 'renderer'].flatMap((part) => bundledPackages(join(target.out, part)));
  const text = licencesOf(ROOT, [...bundled, ...SHIPPED]);
  writeFileSync(join(target.out, 'renderer', 'licences.txt'), text);
}

/**
 * One program as one file, which a sandboxed preload script must be. CommonJS, for the same reason;
 * `.cjs`, since package.json says that `.js` is not.
 */
async function buildNode(
  target: BundleTarget,
  folder: string,
  name: string,
  file: string,
  before?: string,
): Promise<void> {
  const entry = join(ROOT, file);
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    plugins: [importFirst(entry, before), notePackages(folder)],
    // Packages that are not external are bundled, so that the package needs none of them.
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: target.node,
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: {
        input: { [name]: entry },
        external: isExternal,
        output: {
          format: 'cjs',
          entryFileNames: '[name].cjs',
          codeSplitting: false,
          // `import()` becomes `require()` too: not every Electron can import from an archive.
          dynamicImportInCjs: false,
        },
        checks: QUIET,
      },
    },
  });
}

/** Puts an import of `module` at the head of an entry: imports run in their order. */
function importFirst(entry: string, module: string | undefined): PluginOption {
  if (module === undefined) return null;
  return {
    name: 'quipu:import-first',
    enforce: 'pre',
    transform: (code, id) =>
      id === entry ? { code: `import ${JSON.stringify(module)};\n${code}`, map: null } : null,
  };
}

/** In each folder of bundles: the packages whose code is in them, one a line. */
const PACKAGES = '.packages';

function bundledPackages(folder: string): string[] {
  const path = join(folder, PACKAGES);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

/** Adds the packages of a bundle to those that are noted in its folder. */
function notePackages(folder: string): PluginOption {
  const found = new Set<string>();
  return {
    name: 'quipu:note-packages',
    generateBundle() {
      for (const id of this.getModuleIds()) {
        const name = packageOf(id);
        if (name !== null) found.add(name);
      }
    },
    closeBundle() {
      const all = new Set([...bundledPackages(folder), ...found]);
      writeFileSync(join(folder, PACKAGES), [...all].sort().join('\n'));
    },
  };
}

/** Kept in the folder that it vouches for: who deletes the folder deletes it too. */
const STAMP = '.made-from';

/** Runs `make` unless `folder` was made by it from the same sources, this file and the same packages. */
async function unlessDone(
  target: BundleTarget,
  folder: string,
  sources: readonly string[],
  make: () => Promise<void>,
): Promise<void> {
  const before = Object.values(target.before);
  const inputs = ['build/bundle.ts', 'package-lock.json', ...sources].map((name) => join(ROOT, name));
  const print = fingerprint(JSON.stringify(target), [...inputs, ...before]);
  const stamp = join(folder, STAMP);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === print) return;
  const { NODE_ENV } = process.env;
  // Vite reads it, and sets it when it is not set: the bundles must not depend on who calls, nor he on them.
  process.env['NODE_ENV'] = 'production';
  try {
    await make();
  } finally {
    if (NODE_ENV === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = NODE_ENV;
  }
  writeFileSync(stamp, print);
}

/** Of contents, not of times: a checkout or a copy sets times as it likes. */
function fingerprint(seed: string, paths: readonly string[]): string {
  const hash = createHash('sha256').update(seed);
  for (const path of paths) {
    for (const file of filesUnder(path)) {
      hash.update(`\0${relative(ROOT, file)}\0`).update(readFileSync(file));
    }
  }
  return hash.digest('hex');
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

if (import.meta.main) await bundleAll();
