/** Rows of an export to stdout or a file, as fast as the reader takes them and no faster. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { QuipuError } from '../core/result.ts';
import { type Cell, csvRow } from './csv.ts';
import { UsageError } from './exit.ts';

export type Format = 'csv' | 'jsonl';

/** One row: as many cells as there are columns. */
export type Row = readonly Cell[];

export function formatOption(text: string | undefined): Format {
  if (text === 'csv' || text === 'jsonl') return text;
  throw new UsageError(
    text === undefined ? 'Say --format csv or --format jsonl.' : '--format must be csv or jsonl.',
  );
}

/**
 * Writes all rows. A file takes its name once it is whole, so that an export that was cut short is not
 * mistaken for one.
 *
 * @param file null: stdout
 * @throws {QuipuError} kind `storage` when the file cannot be written
 */
export async function writeExport(
  columns: readonly string[],
  pages: AsyncIterable<readonly Row[]>,
  format: Format,
  file: string | null,
): Promise<void> {
  const source = Readable.from(texts(columns, pages, format));
  if (file === null) {
    await toStdout(source);
    return;
  }
  const path = resolve(file);
  const part = `${path}.part`;
  try {
    await pipeline(source, createWriteStream(part, { flush: true }));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    if (error instanceof QuipuError) throw error;
    const words = error instanceof Error ? error.message : String(error);
    throw new QuipuError(
      'storage',
      `${path} could not be written (${words}).`,
      'Name another file with --out.',
    );
  }
}

/** Writes texts as fast as they are taken. Whoever reads them may stop early. */
export async function toStdout(source: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(source, process.stdout, { end: false });
  } catch (error) {
    // Whoever read it has had enough.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return;
    throw error;
  }
}

/** Pages as one JSON array, an element a line. */
export async function* jsonArray<T>(
  pages: AsyncIterable<readonly T[]>,
  described: (item: T) => unknown,
): AsyncGenerator<string, void, undefined> {
  let before = '[';
  for await (const page of pages) {
    for (const item of page) {
      yield before + JSON.stringify(described(item));
      before = ',\n';
    }
  }
  yield before === '[' ? '[]\n' : ']\n';
}

/** A page of rows at a time, as text. */
async function* texts(
  columns: readonly string[],
  pages: AsyncIterable<readonly Row[]>,
  format: Format,
): AsyncGenerator<string, void, undefined> {
  let head = format === 'csv' ? csvRow(columns) : '';
  // The header goes with the first page, so that what cannot be exported at all writes nothing.
  for await (const page of pages) {
    yield head + page.map((row) => (format === 'csv' ? csvRow(row) : jsonRow(columns, row))).join('');
    head = '';
  }
  if (head !== '') yield head;
}

function jsonRow(columns: readonly string[], row: Row): string {
  return `${JSON.stringify(Object.fromEntries(columns.map((column, at) => [column, row[at] ?? null])))}\n`;
}
