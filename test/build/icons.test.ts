/** The pictures in every form, against the drawing, by Chromium's own decoders and painter. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ICNS_TYPES, ICO_SIZES, LINUX_SIZES, makeAppIcons } from '../../build/app-icons.ts';
import { decodePng, encodePng, type Picture, shrink } from '../../build/png.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const BUILD = resolve(import.meta.dirname, '..', '..', 'build');
let folder: TemporaryFolder;
beforeAll(() => {
  folder = temporaryFolder();
  makeAppIcons(folder.path);
});
afterAll(() => folder.remove());

/** Mean over all bytes, 0 to 255, of how far two pictures are apart; where both are clear, colours are none. */
function apart(a: Picture, b: Picture): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  let sum = 0;
  for (let at = 0; at < a.pixels.length; at += 4) {
    const [alphaA = 0, alphaB = 0] = [a.pixels[at + 3], b.pixels[at + 3]];
    sum += Math.abs(alphaA - alphaB);
    for (let colour = at; colour < at + 3; colour++) {
      sum += Math.abs((a.pixels[colour] ?? 0) * alphaA - (b.pixels[colour] ?? 0) * alphaB) / 255;
    }
  }
  return sum / a.pixels.length;
}

/** Painters smooth edges in their own ways, which shows in small pictures. */
const ALIKE = 4;

function upsideDown({ width, height, pixels }: Picture): Picture {
  const row = width * 4;
  const rows = Array.from({ length: height }, (_, y) => [...pixels.subarray(y * row, (y + 1) * row)]);
  return { width, height, pixels: Uint8Array.from(rows.reverse().flat()) };
}

describe('PNG', () => {
  it('is read as it was written', () => {
    const pixels = Uint8Array.from({ length: 5 * 3 * 4 }, (_, index) => (index * 37) % 256);
    const picture = { width: 5, height: 3, pixels };
    expect(decodePng(encodePng(picture))).toEqual(picture);
  });

  it('made smaller keeps its edges’ colour, since clear pixels have none', () => {
    const red = [255, 0, 0, 255];
    const clear = [0, 0, 0, 0];
    const picture = { width: 2, height: 2, pixels: Uint8Array.from([red, clear, red, clear].flat()) };
    expect([...shrink(picture, 1).pixels]).toEqual([255, 0, 0, 128]);
  });

  it('refuses what it cannot read', () => {
    expect(() => decodePng(Buffer.from('GIF89a'))).toThrow('no PNG');
    const cut = encodePng({ width: 1, height: 1, pixels: Uint8Array.of(1, 2, 3, 4) });
    cut.writeUInt32BE(2, 16);
    expect(() => decodePng(cut)).toThrow('cut off');
  });
});

describe('icon.icns', () => {
  it('has each type in its size', () => {
    const file = readFileSync(join(folder.path, 'icon.icns'));
    expect(file.toString('latin1', 0, 4)).toBe('icns');
    expect(file.readUInt32BE(4)).toBe(file.length);
    const found: [string, number][] = [];
    for (let at = 8; at < file.length; at += file.readUInt32BE(at + 4)) {
      const body = file.subarray(at + 8, at + file.readUInt32BE(at + 4));
      const type = file.toString('latin1', at, at + 4);
      found.push([
        type,
        body.toString('latin1', 0, 4) === 'ARGB' ? sideOfPlanes(body) : decodePng(body).width,
      ]);
    }
    expect(found).toEqual(ICNS_TYPES);
  });

  /** Runs as they are: a byte with their length less one, then the bytes. */
  function sideOfPlanes(body: Buffer): number {
    let bytes = 0;
    for (let at = 4; at < body.length;) {
      const run = (body[at] ?? 0) + 1;
      bytes += run;
      at += 1 + run;
    }
    return Math.sqrt(bytes / 4);
  }
});

describe.skipIf(findChromium() === null)('in Chromium', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findChromium() ?? '',
      chromiumSandbox: process.getuid?.() !== 0,
    });
    page = await browser.newPage();
  });
  afterAll(() => browser.close());

  async function drawn(size: number): Promise<Picture> {
    const svg = readFileSync(join(BUILD, 'icon.svg'), 'utf8');
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(
      `<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
    );
    return decodePng(await page.screenshot({ omitBackground: true }));
  }

  it('the kept picture is the drawing', async () => {
    expect(apart(decodePng(readFileSync(join(BUILD, 'icon.png'))), await drawn(1024))).toBeLessThan(0.1);
  });

  it.each(LINUX_SIZES)('%i pixels look as if drawn in that size', async (size) => {
    const made = decodePng(readFileSync(join(folder.path, 'linux', `${size}x${size}.png`)));
    const drawing = await drawn(size);
    expect(apart(made, drawing)).toBeLessThan(ALIKE);
    // So that the measure can tell pictures apart.
    expect(apart(upsideDown(made), drawing)).toBeGreaterThan(2 * ALIKE);
  });

  it('icon.ico is read, in all its sizes', async () => {
    const file = readFileSync(join(folder.path, 'icon.ico'));
    const count = file.readUInt16LE(4);
    const sizes = Array.from({ length: count }, (_, index) => file.readUInt8(6 + 16 * index) || 256);
    expect(sizes).toEqual(ICO_SIZES);
    for (const [index, size] of ICO_SIZES.entries()) {
      // One picture by itself, since Chromium shows the one that it likes best.
      const at = 6 + 16 * index;
      const head = Buffer.from(file.subarray(0, 6));
      head.writeUInt16LE(1, 4);
      const entry = Buffer.from(file.subarray(at, at + 16));
      const from = entry.readUInt32LE(12);
      entry.writeUInt32LE(22, 12);
      const alone = Buffer.concat([head, entry, file.subarray(from, from + entry.readUInt32LE(8))]);
      await page.setViewportSize({ width: size, height: size });
      await page.setContent(
        `<style>*{margin:0}</style><img style="display:block" src="data:image/x-icon;base64,${alone.toString('base64')}">`,
      );
      await page
        .locator('img')
        .evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
      const shown = decodePng(await page.screenshot({ omitBackground: true }));
      expect(apart(shown, await drawn(size))).toBeLessThan(ALIKE);
    }
  });
});
