/** A small package that is as it should be, to be spoilt by tests. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FUSES } from '../../build/fuses.ts';

interface Asar {
  createPackageWithOptions(from: string, to: string, options: { readonly unpack: string }): Promise<void>;
}

// The archiver that electron-builder brings along and uses itself.
const require = createRequire(import.meta.url);
const asar = createRequire(require.resolve('app-builder-lib/package.json'))('@electron/asar') as Asar;

/** The head of a native file. */
export function nativeHead(platform: 'linux' | 'darwin' | 'win32', arch: 'x64' | 'arm64'): Buffer {
  const head = Buffer.alloc(128);
  if (platform === 'linux') {
    head.writeUInt32BE(0x7f45_4c46, 0);
    head.writeUInt16LE(arch === 'x64' ? 0x3e : 0xb7, 18);
  } else if (platform === 'darwin') {
    head.writeUInt32BE(0xcffa_edfe, 0);
    head.writeUInt32LE(arch === 'x64' ? 0x0100_0007 : 0x0100_000c, 4);
  } else {
    head.write('MZ', 'latin1');
    head.writeUInt32LE(64, 60);
    head.write('PE\0\0', 64, 'latin1');
    head.writeUInt16LE(arch === 'x64' ? 0x8664 : 0xaa64, 68);
  }
  return head;
}

/** A program with a wire of fuses, one character each. */
export function fusedProgram(wire: string): Buffer {
  const mark = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX', 'latin1');
  const fuses = Buffer.from([1, wire.length, ...Buffer.from(wire, 'latin1')]);
  return Buffer.concat([nativeHead('linux', 'x64'), mark, fuses, Buffer.alloc(16)]);
}

export const GOOD_FILES: Readonly<Record<string, string | Buffer>> = {
  'package.json': '{"name":"quipu"}',
  'out/main/main.cjs': '',
  'out/main/writer-worker.cjs': '',
  'out/main/reader-worker.cjs': '',
  'out/main/demo-worker.cjs': '',
  'out/main/keytar-process.cjs': '',
  'out/preload/preload.cjs': '',
  'out/renderer/index.html': '',
  'out/renderer/licences.txt': 'better-sqlite3 1.0.0 (MIT)\n\nkeytar 1.0.0 (MIT)\n\nws 1.0.0 (MIT)\n',
  'node_modules/better-sqlite3/package.json': '{}',
  'node_modules/keytar/package.json': '{}',
  'node_modules/ws/package.json': '{}',
  'node_modules/better-sqlite3/prebuilds/linux-x64.node': nativeHead('linux', 'x64'),
  'node_modules/keytar/build/Release/keytar.node': nativeHead('linux', 'x64'),
};

/** All off, as `WANTED` has them. */
export const GOOD_WIRE = '0'.repeat(FUSES.length);
export const WANTED = Object.fromEntries(FUSES.map((fuse) => [fuse, false]));

export interface Spoilt {
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly leftOut?: readonly string[];
  readonly wire?: string;
}

/** @returns the package's folder, under `folder` */
export async function makePackage(
  folder: string,
  { files = {}, leftOut = [], wire = GOOD_WIRE }: Spoilt = {},
): Promise<string> {
  const [source, made] = [join(folder, 'source'), join(folder, 'linux-unpacked')];
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  const named = Object.entries({ ...GOOD_FILES, ...files }).filter(([name]) => !leftOut.includes(name));
  for (const [name, content] of named) put(join(source, name), content);
  put(join(made, 'quipu'), fusedProgram(wire));
  put(join(made, 'resources', 'CHANGELOG.md'), '');
  put(join(made, 'resources', 'app-update.yml'), '');
  // Native modules as in electron-builder.yml; one elsewhere is a fault.
  const unpack = '**/{prebuilds,Release}/*.node';
  const archive = join(made, 'resources', 'app.asar');
  await asar.createPackageWithOptions(source, archive, { unpack });
  const packed = named.filter(([name]) => !/\/(prebuilds|Release)\/[^/]*\.node$/.test(name));
  const bytes = packed.reduce((sum, [, content]) => sum + Buffer.byteLength(content), 0);
  // The archiver does not wait for what it writes last.
  while (!isWritten(archive, bytes)) await sleep(5);
  return made;
}

/** Whether the archive has its header, and that many bytes of files behind it. */
function isWritten(archive: string, bytes: number): boolean {
  if (!existsSync(archive)) return false;
  const written = readFileSync(archive);
  return written.length >= 16 && written.length === 8 + written.readUInt32LE(4) + bytes;
}
