/** The packages of Linux as electron-builder would make them: what it hands to its packers, none of which is started. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, Platform } from 'electron-builder';
import { makeAppIcons } from '../../build/app-icons.ts';
import { loadConfiguration } from '../../build/configuration.ts';
import { withPublisher } from '../../build/package.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

export const PUBLISHER = {
  QUIPU_PACKAGE_MAINTAINER: 'Jo <jo@example.com>',
  QUIPU_PACKAGE_SITE: 'https://example.com',
};

export interface Packed {
  /** Arguments for the packer. */
  readonly args: readonly string[];
  /** The menu entry. */
  readonly entry: string;
}

export interface LinuxPackages {
  readonly deb: Packed;
  readonly rpm: Packed;
  /** Its menu entry. */
  readonly appImage: string;
}

/** @param folder gets what lies about while packages are made */
export async function linuxPackages(folder: string): Promise<LinuxPackages> {
  makeAppIcons(join(folder, 'icons'));
  const prepackaged = join(folder, 'linux-unpacked');
  mkdirSync(join(prepackaged, 'resources'), { recursive: true });
  const file = join(folder, 'configuration.json');
  const published = withPublisher(await loadConfiguration(), ['deb', 'rpm'], PUBLISHER);
  const linux = { ...published.linux, icon: join(folder, 'icons', 'linux') };
  const directories = { output: join(folder, 'dist') };
  writeFileSync(file, JSON.stringify({ ...published, linux, directories }));
  const packed: Packed[] = [];
  let appImage = '';
  await build({
    projectDir: ROOT,
    prepackaged,
    config: file,
    publish: 'never',
    targets: Platform.LINUX.createTarget(['AppImage', 'deb', 'rpm']),
    // Taking it is what keeps the packer from being started.
    effectiveOptionComputed: async (given: { readonly desktop: string } | readonly [string[], string]) => {
      if ('desktop' in given) appImage = given.desktop;
      else packed.push({ args: given[0], entry: readFileSync(given[1], 'utf8') });
      return true;
    },
  });
  const of = (target: string): Packed => {
    const found = packed.find(({ args }) => args[args.indexOf('--package') + 1]?.endsWith(`.${target}`));
    if (found === undefined) throw new Error(`electron-builder made no ${target}.`);
    return found;
  };
  return { deb: of('deb'), rpm: of('rpm'), appImage };
}

/** A menu entry's keys and what they say. */
export function entryOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
