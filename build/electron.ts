/** The Electron to start, downloaded at first use: the package `electron` does not do it at `npm ci`. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PACKAGE = resolve(import.meta.dirname, '..', 'node_modules', 'electron');
/** About 115 MB. */
const DOWNLOAD_MS = 5 * 60_000;

export type Electron = { readonly path: string } | { readonly lacking: string };

/** Why no window can be opened here, or null. Asked before anything is downloaded. */
export function noScreen(
  platform: NodeJS.Platform = process.platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
  user: number | undefined = process.getuid?.(),
): string | null {
  if (platform !== 'linux') return null;
  if (!env['DISPLAY'] && !env['WAYLAND_DISPLAY'])
    return 'there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set)';
  // Chromium's sandbox refuses to run as root, and Quipu does not run without it.
  return user === 0 ? 'Electron does not run as root' : null;
}

/** Finds the program, as the package's own index.js does, and downloads it when it is missing. */
export async function findElectron(): Promise<Electron> {
  const here = installed();
  if (here !== null) return { path: here };
  if (!existsSync(join(PACKAGE, 'install.js'))) return { lacking: 'the package electron is not installed' };
  process.stderr.write('Downloading Electron (about 115 MB, once) ...\n');
  const failure = await download();
  const path = installed();
  return path === null
    ? { lacking: `Electron could not be downloaded (${failure ?? 'nothing came'})` }
    : { path };
}

function installed(): string | null {
  const pathFile = join(PACKAGE, 'path.txt');
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8') : null;
  const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (folder)
    return existing(join(folder, name ?? (process.platform === 'win32' ? 'electron.exe' : 'electron')));
  return name === null ? null : existing(join(PACKAGE, 'dist', name));
}

function existing(path: string): string | null {
  return existsSync(path) ? path : null;
}

/** @returns why it failed, in a few words, or null */
function download(): Promise<string | null> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(PACKAGE, 'install.js')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: DOWNLOAD_MS,
    });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(0, 2_000);
    });
    child.on('error', (error) => done(error.message));
    child.on('close', (code, signal) => {
      if (code === 0) done(null);
      else done(signal === null ? firstLine(words) : `it took longer than ${DOWNLOAD_MS / 60_000} minutes`);
    });
  });
}

function firstLine(text: string): string {
  const line = text.split('\n').find((each) => each.trim() !== '') ?? 'no reason given';
  return line.trim().slice(0, 200);
}
