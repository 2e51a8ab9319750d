/**
 * Looks into a directory package, as electron-builder left it: only what the app needs, for this platform
 * alone, as small as it should be, whole, and with its fuses set. `node build/check-package.ts FOLDER`.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Configuration } from 'electron-builder';
import { type Archive, type ArchivedFile, readArchive } from './asar.ts';
import { loadConfiguration } from './configuration.ts';
import { type Fuse, FUSES, type FuseState, readFuses } from './fuses.ts';
import { NATIVE_HEAD, nativeOf } from './native.ts';

const MB = 1024 * 1024;
/** The app itself: bundles, page, fonts. */
const MAX_ARCHIVE = 8 * MB;
/** The native modules. */
const MAX_UNPACKED = 6 * MB;
/** All of it, Electron included, which is most. */
const MAX_PACKAGE = 360 * MB;

/** Packages that are loaded from node_modules at run time; all others are in the bundles. */
const PACKAGES = ['better-sqlite3', 'keytar', 'ws'];
const LICENCES = 'out/renderer/licences.txt';
const KEYTAR = 'node_modules/keytar/build/Release/keytar.node';
const sqliteFor = ({ platform, arch }: PackagePlace): string =>
  `node_modules/better-sqlite3/prebuilds/${platform}-${arch}.node`;
/** All that may be in the archive: a file that nobody thought of is no part of the app. */
const ALLOWED: readonly RegExp[] = [
  /^package\.json$/,
  /^out\/main\/[a-z-]+\.cjs$/,
  /^out\/main\/icons\/[\w@-]+\.png$/,
  /^out\/preload\/preload\.cjs$/,
  /^out\/renderer\/([\w-]+\/)*[\w.-]+\.(html|js|css|woff2|svg|png|txt)$/,
  new RegExp(`^node_modules/(${PACKAGES.join('|')})/(lib/)?[\\w./-]*\\.(m?js|json)$`),
  new RegExp(`^node_modules/(${PACKAGES.join('|')})/LICENSE$`),
  /^node_modules\/better-sqlite3\/prebuilds\/[\w-]+\.node$/,
  /^node_modules\/keytar\/build\/Release\/keytar\.node$/,
];
/** Whatever their folder: what a package is made with, and what tests it. */
const FORBIDDEN: readonly (readonly [what: string, path: RegExp])[] = [
  ['a source map', /\.map$/],
  ['TypeScript', /\.[cm]?tsx?$/],
  ['a source of native code', /\.(c|cc|cpp|h|hpp|o|a|gypi?|mk)$|(^|\/)Makefile$/],
  ['a test', /(^|\/)(__tests__|tests?|spec|fixtures|bench(mark)?s?)\/|\.(test|spec)\.\w+$/],
  [
    'a build tool',
    /(^|\/)node_modules\/(vite|vitest|esbuild|rolldown|typescript|electron|electron-builder|app-builder-lib|svelte-check|prettier|eslint|playwright-core|node-gyp|node-addon-api|prebuild-install|core-js)\//,
  ],
];

export interface PackagePlace {
  /** `linux-unpacked`, `win-unpacked`, or the folder that has `Quipu.app`. */
  readonly folder: string;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
}

export interface InspectOptions {
  /** The fuses that must be set; default: those of electron-builder.yml. */
  readonly fuses?: NonNullable<Configuration['electronFuses']>;
  /** Files of the archive that were exchanged after it was made. */
  readonly exchanged?: readonly string[];
}

export interface Inspection {
  /** What is wrong, each in a sentence; none: the package is as it should be. */
  readonly findings: readonly string[];
  readonly files: readonly string[];
  readonly fuses: ReadonlyMap<Fuse, FuseState>;
  /** Of those that should be set, what this Electron does not have. */
  readonly lackingFuses: readonly Fuse[];
  /** Bytes. */
  readonly sizes: { readonly archive: number; readonly unpacked: number; readonly package: number };
}

/** @throws {Error} when there is no package, or it cannot be read */
export async function inspectPackage(place: PackagePlace, options: InspectOptions = {}): Promise<Inspection> {
  const { resources, program, contents } = partsOf(place);
  const wanted = options.fuses ?? (await loadConfiguration()).electronFuses ?? {};
  const archivePath = join(resources, 'app.asar');
  const archive = readArchive(archivePath);
  const fuses = readFuses(program);
  const all = filesUnder(contents);
  const unpacked = filesUnder(`${archivePath}.unpacked`);
  const sizes = {
    archive: statSync(archivePath).size,
    unpacked: sizeOf(unpacked),
    package: sizeOf(all),
  };
  const lackingFuses = FUSES.filter((fuse) => typeof wanted[fuse] === 'boolean' && !fuses.has(fuse));
  const findings = [
    ...archive.files.flatMap((file) => faultsOf(file, place, options.exchanged ?? [])),
    ...strangers(archive, `${archivePath}.unpacked`, unpacked),
    ...missing(archive, place, resources),
    ...hollow(archive, place),
    ...licenceFaults(archive),
    ...manifestFaults(archive),
    ...all.flatMap((path) => foreign(path, headOf(path), place, contents)),
    ...fuseFaults(fuses, wanted),
    ...integrityFaults(place, contents, archive.headerHash),
    ...tooLarge('The archive', sizes.archive, MAX_ARCHIVE),
    ...tooLarge('What is unpacked', sizes.unpacked, MAX_UNPACKED),
    ...tooLarge('The package', sizes.package, MAX_PACKAGE),
  ];
  return { findings, files: archive.files.map(({ path }) => path), fuses, lackingFuses, sizes };
}

interface Parts {
  /** All that is delivered. */
  readonly contents: string;
  readonly resources: string;
  /** The file that has Electron's code. */
  readonly program: string;
}

function partsOf({ folder, platform }: PackagePlace): Parts {
  if (platform !== 'darwin') {
    const program = join(folder, platform === 'win32' ? 'Quipu.exe' : 'quipu');
    return { contents: folder, resources: join(folder, 'resources'), program };
  }
  const contents = join(folder, 'Quipu.app', 'Contents');
  return {
    contents,
    resources: join(contents, 'Resources'),
    program: join(contents, 'Frameworks', 'Electron Framework.framework', 'Electron Framework'),
  };
}

function faultsOf(file: ArchivedFile, place: PackagePlace, exchanged: readonly string[]): string[] {
  const { path, bytes, isUnpacked, isWhole } = file;
  const faults = FORBIDDEN.filter(([, pattern]) => pattern.test(path)).map(([what]) => `${path} is ${what}.`);
  if (faults.length === 0 && !ALLOWED.some((pattern) => pattern.test(path)))
    faults.push(`${path} is none of the files that the app is made of.`);
  if (!isWhole && !exchanged.includes(path)) faults.push(`${path} is not what the archive’s header says.`);
  if (/\.[cm]?js$|\.css$/.test(path) && /sourceMappingURL=data:/.test(bytes.toString('latin1')))
    faults.push(`${path} has a source map in it.`);
  const native = nativeOf(bytes.subarray(0, NATIVE_HEAD));
  if (native !== null && !isUnpacked) faults.push(`${path} is native, and lies in the archive.`);
  // Those beside it are looked at with all other files of the package.
  if (native !== null && !isUnpacked)
    faults.push(...foreign(path, bytes.subarray(0, NATIVE_HEAD), place, ''));
  return faults;
}

function foreign(path: string, head: Buffer, { platform, arch }: PackagePlace, root: string): string[] {
  const native = nativeOf(head);
  if (native === null) return [];
  const name = root === '' ? path : relative(root, path);
  if (native.platform !== platform) return [`${name} is for ${native.platform}.`];
  return native.archs.includes(arch)
    ? []
    : [`${name} is for ${native.archs.join(', ') || 'another processor'}.`];
}

/** Beside the archive lies nothing that its header does not name. */
function strangers({ files }: Archive, folder: string, paths: readonly string[]): string[] {
  const known = new Set(files.filter(({ isUnpacked }) => isUnpacked).map(({ path }) => path));
  const names = paths.map((path) => relative(folder, path).split(sep).join('/'));
  return names.filter((name) => !known.has(name)).map((name) => `${name} lies beside the archive unnamed.`);
}

function missing({ files, lacking }: Archive, place: PackagePlace, resources: string): string[] {
  const have = new Set(files.map(({ path }) => path));
  const needed = [
    'package.json',
    'out/main/main.cjs',
    'out/main/writer-worker.cjs',
    'out/main/reader-worker.cjs',
    'out/main/demo-worker.cjs',
    'out/main/keytar-process.cjs',
    'out/preload/preload.cjs',
    'out/renderer/index.html',
    LICENCES,
    sqliteFor(place),
    KEYTAR,
    ...PACKAGES.map((name) => `node_modules/${name}/package.json`),
  ].filter((path) => !have.has(path));
  const beside = readdirSync(resources);
  const others = ['CHANGELOG.md', 'app-update.yml'].filter((name) => !beside.includes(name));
  return [
    ...[...new Set([...needed, ...lacking, ...others])].map((path) => `${path} is missing.`),
    ...(beside.includes('default_app.asar') ? ['default_app.asar is Electron’s sample, not ours.'] : []),
  ];
}

/** A file under the name of a library is not yet one. */
function hollow({ files }: Archive, place: PackagePlace): string[] {
  return files
    .filter(({ path }) => path === KEYTAR || path === sqliteFor(place))
    .filter(({ bytes }) => nativeOf(bytes.subarray(0, NATIVE_HEAD)) === null)
    .map(({ path }) => `${path} is no native library.`);
}

/** What is shipped beside the bundles is in the licences by its name; what is in them is not to be seen here. */
function licenceFaults({ files }: Archive): string[] {
  const text = files.find(({ path }) => path === LICENCES)?.bytes.toString('utf8');
  if (text === undefined) return [];
  return PACKAGES.filter((name) => !new RegExp(`^${name} \\d`, 'm').test(text)).map(
    (name) => `${LICENCES} has no licence of ${name}.`,
  );
}

/** What serves development has no place in the package's own package.json. */
function manifestFaults({ files }: Archive): string[] {
  const text = files.find(({ path }) => path === 'package.json')?.bytes.toString('utf8') ?? '{}';
  const manifest = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return ['scripts', 'devDependencies']
    .filter((name) => name in manifest)
    .map((name) => `package.json still has ${name}.`);
}

function fuseFaults(
  fuses: ReadonlyMap<Fuse, FuseState>,
  wanted: NonNullable<Configuration['electronFuses']>,
): string[] {
  return FUSES.flatMap((fuse) => {
    const [want, is] = [wanted[fuse], fuses.get(fuse)];
    if (typeof want !== 'boolean')
      return [`electron-builder.yml does not say how the fuse ${fuse} is to be.`];
    // One that this Electron lacks, or has given up, can be neither.
    if (is === undefined || is === 'removed') return [];
    return is === (want ? 'on' : 'off') ? [] : [`The fuse ${fuse} is ${is}.`];
  });
}

/** Where the program keeps the header's hash: macOS in Info.plist, Windows in a resource; Linux has no place. */
function integrityFaults({ platform }: PackagePlace, contents: string, hash: string): string[] {
  if (platform === 'linux') return [];
  const keeper = platform === 'darwin' ? 'Info.plist' : 'Quipu.exe';
  const bytes = readFileSync(join(contents, keeper));
  return bytes.includes(hash) ? [] : [`${keeper} does not have the hash of the archive’s header.`];
}

function tooLarge(what: string, bytes: number, most: number): string[] {
  return bytes <= most ? [] : [`${what} has ${inMb(bytes)}, more than ${inMb(most)}.`];
}

function inMb(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`;
}

function sizeOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(NATIVE_HEAD);
  const file = openSync(path, 'r');
  try {
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

/** Links are none: on macOS they lead to files that are met by themselves. */
function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What was seen, for a person. */
export function describeInspection({ files, fuses, lackingFuses, sizes, findings }: Inspection): string {
  return [
    `${files.length} files in an archive of ${inMb(sizes.archive)}; ${inMb(sizes.unpacked)} unpacked; ${inMb(sizes.package)} in all`,
    `fuses: ${[...fuses].map(([fuse, state]) => `${fuse} ${state}`).join(', ')}`,
    ...(lackingFuses.length === 0 ? [] : [`this Electron has no fuse ${lackingFuses.join(', ')}`]),
    ...findings.map((finding) => `WRONG: ${finding}`),
  ].join('\n');
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined)
    throw new Error('Name the folder of a directory package, e.g. dist/linux-unpacked.');
  const inspection = await inspectPackage({ folder, platform: process.platform, arch: process.arch });
  console.log(describeInspection(inspection));
  if (inspection.findings.length > 0) process.exitCode = 1;
}
