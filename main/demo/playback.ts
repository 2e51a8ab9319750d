/** A file of real trades, played at a multiple of its own speed. */
import { readFile } from 'node:fs/promises';
import { QuipuError } from '../core/result.ts';
import type { CandleScale } from './candles.ts';

/** The columns that the file must have, in this order. */
export const PLAYBACK_HEADER = 'id,timestamp_ms,side,price,size';

const PLAIN_DECIMAL = /^\d{1,24}(?:\.(\d{1,24}))?$/;
const TIME = /^\d{1,15}$/;
const MAX_ID = 128;

export interface PlaybackRow {
  readonly id: string;
  /** The exchange's time, ms since the epoch; never changed by playing. */
  readonly time: number;
  readonly buy: boolean;
  /** Decimal text exactly as in the file. */
  readonly price: string;
  readonly size: string;
}

export interface PlaybackTape extends CandleScale {
  readonly rows: readonly PlaybackRow[];
}

/** @throws {QuipuError} `not-found` when the file cannot be read, `bad-argument` when it is not such a file */
export async function readPlaybackFile(file: string): Promise<PlaybackTape> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new QuipuError(
      'not-found',
      `The file of trades cannot be read: ${why}`,
      'Check the path of the file.',
    );
  }
  return parsePlayback(text);
}

/** The text of a file of trades, in the order of time. @throws {QuipuError} `bad-argument`, naming the line */
export function parsePlayback(text: string): PlaybackTape {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines[0] !== PLAYBACK_HEADER) throw badLine(1, `the header must be ${PLAYBACK_HEADER}`);
  const rows: PlaybackRow[] = [];
  let priceDigits = 0;
  let sizeDigits = 0;
  let last = 0;
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const fields = line.split(',');
    const [id = '', timestamp = '', side = '', price = '', size = ''] = fields;
    if (fields.length !== 5) throw badLine(index + 1, 'it must have 5 fields');
    if (id === '' || id.length > MAX_ID)
      throw badLine(index + 1, `the id must have 1 to ${MAX_ID} characters`);
    const time = Number(timestamp);
    if (!TIME.test(timestamp) || Number.isNaN(new Date(time).getTime())) {
      throw badLine(index + 1, 'the time must be whole milliseconds since 1970');
    }
    if (time < last) throw badLine(index + 1, 'the trades must be in the order of their times');
    if (side !== 'buy' && side !== 'sell') throw badLine(index + 1, 'the side must be buy or sell');
    const priceMatch = PLAIN_DECIMAL.exec(price);
    const sizeMatch = PLAIN_DECIMAL.exec(size);
    if (priceMatch === null || sizeMatch === null) {
      throw badLine(index + 1, 'price and size must be plain decimals');
    }
    last = time;
    priceDigits = Math.max(priceDigits, priceMatch[1]?.length ?? 0);
    sizeDigits = Math.max(sizeDigits, sizeMatch[1]?.length ?? 0);
    rows.push({ id, time, buy: side === 'buy', price, size });
  }
  if (rows.length === 0) throw badLine(2, 'there must be at least one trade');
  return { rows, priceDigits, sizeDigits };
}

/** A plain decimal as value x 10^digits; it has no more places than `digits`. */
export function scaledUnits(text: string, digits: number): bigint {
  const point = text.indexOf('.');
  if (point < 0) return BigInt(text + '0'.repeat(digits));
  return BigInt(text.slice(0, point) + text.slice(point + 1).padEnd(digits, '0'));
}

/** Where a tape is in its playing. Times of the feed are virtual ms. */
export class Playback {
  readonly #rows: readonly PlaybackRow[];
  readonly #speed: number;
  #begin = Infinity;
  #next = 0;

  constructor(rows: readonly PlaybackRow[], speed: number) {
    this.#rows = rows;
    this.#speed = speed;
  }

  /** Begins at `time`, unless it has begun or is about to. */
  startAt(time: number): void {
    if (this.#begin === Infinity) this.#begin = time;
  }

  get ended(): boolean {
    return this.#next === this.#rows.length;
  }

  /** Index of the next row that is due at `time`, or -1. Each is given once. */
  due(time: number): number {
    const row = this.#rows[this.#next];
    if (row === undefined || time < this.#begin) return -1;
    const offset = row.time - (this.#rows[0]?.time ?? 0);
    return offset <= (time - this.#begin) * this.#speed ? this.#next++ : -1;
  }
}

function badLine(line: number, what: string): QuipuError {
  return new QuipuError(
    'bad-argument',
    `Line ${line} of the file of trades is wrong: ${what}.`,
    `Give a CSV file with the columns ${PLAYBACK_HEADER}.`,
  );
}
