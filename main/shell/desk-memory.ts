/**
 * What the desktop remembers of itself, in `desktop.json` of the data folder: where its windows were, how
 * large their pages are, and whether the tray was explained. Nothing of the record is in it, so a file
 * that cannot be read costs no more than that, and is written anew.
 */
import { readFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PLACE_KINDS, type PlaceKind } from '../core/desk.ts';
import type { WindowPlace } from './window-place.ts';
import { ZOOMS } from './zoom.ts';

export interface Memory {
  readonly windows: Readonly<Partial<Record<PlaceKind, WindowPlace>>>;
  readonly zoom: number;
  /** That the app goes on in the tray was said. */
  readonly isTrayExplained: boolean;
}

export const NOTHING_REMEMBERED: Memory = { windows: {}, zoom: 1, isTrayExplained: false };

/** A window is moved in many small steps. */
const WRITE_AFTER_MS = 500;
const MAX_BYTES = 64 * 1024;
/** Far beyond any desk of screens. */
const MAX_POINT = 100_000;

export interface DeskMemory {
  readonly now: Memory;
  change(change: Partial<Memory>): void;
  rememberWindow(kind: PlaceKind, place: WindowPlace): void;
  /** Resolves when all is on disk, or cannot be. Never rejects. */
  flush(): Promise<void>;
}

/** @param failed told once in a row when the file cannot be written, which stops nothing */
export function openDeskMemory(path: string, failed: (error: unknown) => void): DeskMemory {
  let now = parseMemory(readText(path));
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();
  let isDirty = false;
  let isFailing = false;

  function write(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    writing = writing.then(async () => {
      if (!isDirty) return;
      isDirty = false;
      try {
        await replaceFile(path, `${JSON.stringify(now, null, 2)}\n`);
        isFailing = false;
      } catch (error) {
        if (!isFailing) failed(error);
        isFailing = true;
      }
    });
    return writing;
  }

  function change(given: Partial<Memory>): void {
    const next = { ...now, ...given };
    if (JSON.stringify(next) === JSON.stringify(now)) return;
    now = next;
    isDirty = true;
    timer ??= setTimeout(() => void write(), WRITE_AFTER_MS);
  }

  return {
    get now() {
      return now;
    },
    change,
    rememberWindow: (kind, place) => change({ windows: { ...now.windows, [kind]: place } }),
    flush: () => write(),
  };
}

/** Whole or not at all: a file beside it that takes its name once it is on disk. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const next = `${path}.new`;
  try {
    const file = await open(next, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** What of `text` makes sense; the rest is as if nothing was remembered. */
export function parseMemory(text: string | null): Memory {
  let value: unknown;
  try {
    value = JSON.parse(text ?? 'null');
  } catch {
    return NOTHING_REMEMBERED;
  }
  if (!isRecord(value)) return NOTHING_REMEMBERED;
  const { windows, zoom, isTrayExplained } = value;
  const places = isRecord(windows) ? windows : {};
  return {
    windows: Object.fromEntries(
      PLACE_KINDS.flatMap((kind) => {
        const place = placeOf(places[kind]);
        return place === null ? [] : [[kind, place]];
      }),
    ),
    zoom: ZOOMS.find((each) => each === zoom) ?? NOTHING_REMEMBERED.zoom,
    isTrayExplained: isTrayExplained === true,
  };
}

function placeOf(value: unknown): WindowPlace | null {
  if (!isRecord(value)) return null;
  const { x, y, width, height, isMaximized } = value;
  if (!isPoint(x) || !isPoint(y) || !isPoint(width) || !isPoint(height) || width <= 0 || height <= 0)
    return null;
  return { x, y, width, height, isMaximized: isMaximized === true };
}

function isPoint(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_POINT;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(path: string): string | null {
  try {
    const bytes = readFileSync(path);
    return bytes.length > MAX_BYTES ? null : bytes.toString('utf8');
  } catch {
    return null;
  }
}
