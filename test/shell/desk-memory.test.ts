import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOTHING_REMEMBERED, openDeskMemory, parseMemory } from '../../main/shell/desk-memory.ts';
import { nextZoom, ZOOMS } from '../../main/shell/zoom.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const PLACE = { x: -10, y: 20, width: 900, height: 700, isMaximized: true };
const silent = (): void => undefined;

describe('what the desktop remembers', () => {
  let folder: TemporaryFolder;
  let path: string;
  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder.path, 'new', 'desktop.json');
  });
  afterEach(() => folder.remove());

  it('is there the next time', async () => {
    const first = openDeskMemory(path, silent);
    expect(first.now).toEqual(NOTHING_REMEMBERED);
    first.rememberWindow('market', PLACE);
    first.change({ zoom: 1.25, isTrayExplained: true });
    await first.flush();
    expect(openDeskMemory(path, silent).now).toEqual({
      windows: { market: PLACE },
      zoom: 1.25,
      isTrayExplained: true,
    });
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('is written again once it can be, and the failure is told once', async () => {
    // A folder in its place cannot be replaced by a file, not even by root.
    mkdirSync(join(path, 'in-the-way'), { recursive: true });
    const failures: unknown[] = [];
    const memory = openDeskMemory(path, (error) => failures.push(error));
    for (const zoom of [1.1, 1.25]) {
      memory.change({ zoom });
      await memory.flush();
    }
    expect(failures.length).toBe(1);
    expect(existsSync(`${path}.new`)).toBe(false);
    expect(memory.now.zoom).toBe(1.25);
  });

  it('is nothing when the file is no file of ours', () => {
    mkdirSync(join(folder.path, 'new'));
    for (const text of ['', '{', 'null', '[]', '"x"', 'x'.repeat(100_000), '{"windows":[],"zoom":"1"}']) {
      writeFileSync(path, text);
      expect(openDeskMemory(path, silent).now).toEqual(NOTHING_REMEMBERED);
    }
    chmodSync(path, 0o600);
    expect(readFileSync(path, 'utf8')).toContain('windows');
  });

  it('keeps of a file what makes sense, whatever else is in it', () => {
    const odd = { main: { ...PLACE, width: 0 }, market: PLACE, session: { ...PLACE, x: 1e9 }, other: PLACE };
    expect(parseMemory(JSON.stringify({ windows: odd, zoom: 7, isTrayExplained: 'yes', more: 1 }))).toEqual({
      windows: { market: PLACE },
      zoom: 1,
      isTrayExplained: false,
    });
    fc.assert(
      fc.property(fc.json(), (json) => {
        const { zoom, windows } = parseMemory(json);
        expect(ZOOMS).toContain(zoom);
        for (const place of Object.values(windows))
          expect(Number.isInteger(place.x + place.height)).toBe(true);
      }),
    );
  });
});

describe('zoom', () => {
  it('goes through its steps and stops at either end', () => {
    let zoom = 1;
    for (let step = 0; step < 30; step++) zoom = nextZoom(zoom, 1);
    expect(zoom).toBe(3);
    const seen = [zoom];
    for (let step = 0; step < 30; step++) seen.push((zoom = nextZoom(zoom, -1)));
    expect(zoom).toBe(0.5);
    expect(new Set(seen)).toEqual(new Set(ZOOMS));
  });
});
