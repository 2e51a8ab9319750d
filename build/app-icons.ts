/**
 * The app's icon in every form that a package takes, made from build/icon.png, which build/icons.ts draws
 * from build/icon.svg: `icon.icns`, `icon.ico` and a PNG of each size for Linux. Needs no Chromium.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { decodePng, encodePng, type Picture, shrink } from './png.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SOURCE = join(import.meta.dirname, 'icon.png');
/** Where electron-builder.yml looks for them. */
export const APP_ICONS = join(ROOT, 'out', 'icons');

/** Those of the freedesktop icon theme `hicolor`. */
export const LINUX_SIZES = [16, 22, 24, 32, 48, 64, 96, 128, 256, 512, 1024];
/** What Windows shows at 100 % to 200 % in lists, the task bar and tiles. */
export const ICO_SIZES = [16, 20, 24, 32, 40, 48, 64, 96, 128, 256];
/** Apple's types of icons by size; of those for twice the density, `ic11` is 16 points and so on. */
export const ICNS_TYPES: readonly (readonly [type: string, size: number])[] = [
  ['ic04', 16],
  ['ic05', 32],
  ['ic07', 128],
  ['ic08', 256],
  ['ic09', 512],
  ['ic10', 1024],
  ['ic11', 32],
  ['ic12', 64],
  ['ic13', 256],
  ['ic14', 512],
];

/** @returns the folder, in which `linux/` has the PNG files, named by their size */
export function makeAppIcons(folder: string = APP_ICONS): string {
  const drawn = decodePng(readFileSync(SOURCE));
  const made = new Map<number, Picture>();
  const inSize = (size: number): Picture => {
    const picture = made.get(size) ?? shrink(drawn, size);
    made.set(size, picture);
    return picture;
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'linux'), { recursive: true });
  for (const size of LINUX_SIZES) {
    writeFileSync(join(folder, 'linux', `${size}x${size}.png`), encodePng(inSize(size)));
  }
  writeFileSync(join(folder, 'icon.ico'), icoOf(ICO_SIZES.map(inSize)));
  writeFileSync(join(folder, 'icon.icns'), icnsOf(ICNS_TYPES.map(([type, size]) => [type, inSize(size)])));
  return folder;
}

/** A directory of pictures: the largest as PNG, the others as bitmaps, which every part of Windows reads. */
function icoOf(pictures: readonly Picture[]): Buffer {
  const bodies = pictures.map((picture) => (picture.width >= 256 ? encodePng(picture) : bitmapOf(picture)));
  const head = Buffer.alloc(6 + 16 * pictures.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(pictures.length, 4);
  let offset = head.length;
  for (const [index, { width, height }] of pictures.entries()) {
    const at = 6 + 16 * index;
    const { length } = bodies[index] ?? Buffer.alloc(0);
    // A byte has no 256: that is written as 0.
    head.writeUInt8(width % 256, at);
    head.writeUInt8(height % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += length;
  }
  return Buffer.concat([head, ...bodies]);
}

/** Rows from the bottom, blue first; behind it a mask of one bit a pixel, which alpha makes unused. */
function bitmapOf({ width, height, pixels }: Picture): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt32LE(40, 0);
  head.writeInt32LE(width, 4);
  // Picture and mask together.
  head.writeInt32LE(height * 2, 8);
  head.writeUInt16LE(1, 12);
  head.writeUInt16LE(32, 14);
  const body = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = ((height - 1 - y) * width + x) * 4;
      const [red = 0, green = 0, blue = 0, alpha = 0] = pixels.subarray(from, from + 4);
      body.set([blue, green, red, alpha], (y * width + x) * 4);
    }
  }
  const maskRow = Math.ceil(width / 32) * 4;
  return Buffer.concat([head, body, Buffer.alloc(maskRow * height)]);
}

function icnsOf(pictures: readonly (readonly [type: string, picture: Picture])[]): Buffer {
  // The two smallest are no PNG, which macOS shows wrongly there.
  const parts = pictures.map(([type, picture]) =>
    icnsPart(type, type === 'ic04' || type === 'ic05' ? planesOf(picture) : encodePng(picture)),
  );
  return icnsPart('icns', Buffer.concat(parts));
}

function icnsPart(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32BE(8 + body.length, 4);
  return Buffer.concat([head, body]);
}

/** Alpha, red, green and blue one after another, in runs of which each may be up to 128 bytes as they are. */
function planesOf({ pixels }: Picture): Buffer {
  const parts = [Buffer.from('ARGB', 'latin1')];
  for (const channel of [3, 0, 1, 2]) {
    const plane = Buffer.from(pixels.filter((_, index) => index % 4 === channel));
    for (let at = 0; at < plane.length; at += 128) {
      const run = plane.subarray(at, at + 128);
      parts.push(Buffer.from([run.length - 1]), run);
    }
  }
  return Buffer.concat(parts);
}
