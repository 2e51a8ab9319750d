/** Exchange times: text or number of a message to microseconds since the epoch, and back. */
import type { Micros } from '../contract.ts';

/** 2000-01-01T00:00:00Z: what is earlier is a mistake, not a time of the feed. */
export const EARLIEST: Micros = 946_684_800_000_000;
/** 2100-01-01T00:00:00Z, the first microsecond that is refused. */
export const LATEST: Micros = 4_102_444_800_000_000;

const HOUR = 3_600_000_000;
const MINUTE = 60_000_000;
const SECOND = 1_000_000;

/** Seconds may lack when they are zero, as Java's OffsetDateTime writes it. */
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?$/;
const EPOCH = /^(\d{1,19})(?:\.(\d{1,9}))?$/;
const EPOCH_SCIENTIFIC = /^(\d)(?:\.(\d{1,27}))?[eE]\+?(\d\d?)$/;
/** The longest time that can be meant; a longer text is refused unread. */
const LONGEST = 48;

/**
 * Reads ISO-8601 with 0 to 9 fractional digits (no zone is UTC), or an epoch in seconds, ms, us or ns
 * told apart by magnitude; both kinds of epoch may have a fraction. Digits beyond the microsecond are
 * cut, not rounded.
 *
 * @returns null when it is no such time or lies outside EARLIEST..LATEST.
 */
export function parseTime(text: string): Micros | null {
  if (text.length > LONGEST) return null;
  const iso = ISO.exec(text);
  if (iso !== null) return fromIso(iso);
  const epoch = EPOCH.exec(text);
  if (epoch !== null) return fromEpoch(epoch[1] ?? '', epoch[2] ?? '');
  const scientific = EPOCH_SCIENTIFIC.exec(text);
  if (scientific === null) return null;
  const [, first = '', rest = '', power = ''] = scientific;
  const figures = (first + rest).padEnd(Number(power) + 1, '0');
  return fromEpoch(figures.slice(0, Number(power) + 1), figures.slice(Number(power) + 1));
}

function fromIso(match: RegExpExecArray): Micros | null {
  const day = startOfDay(Number(match[1]), Number(match[2]), Number(match[3]));
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6] ?? 0);
  if (day === null || hour > 23 || minute > 59 || second > 59) return null;
  const micros = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0'));
  let time = day + hour * HOUR + minute * MINUTE + second * SECOND + micros;
  if (match[9] !== undefined) {
    const zoneHour = Number(match[10]);
    const zoneMinute = Number(match[11] ?? 0);
    if (zoneHour > 18 || zoneMinute > 59) return null;
    const offset = zoneHour * HOUR + zoneMinute * MINUTE;
    time -= match[9] === '-' ? -offset : offset;
  }
  return within(time);
}

/** Midnight UTC, or null when there is no such day. */
function startOfDay(year: number, month: number, day: number): Micros | null {
  const date = new Date(Date.UTC(year, month - 1, day));
  // Date rolls 30 February over into March, and years below 100 into the 1900s.
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day)
    return null;
  return date.getTime() * 1000;
}

/**
 * Between 2000 and 2100 seconds, ms, us and ns have values that never overlap, so the magnitude tells
 * the unit. Text all the way: nanoseconds are past 2^53.
 */
function fromEpoch(whole: string, fraction: string): Micros | null {
  const figures = whole.replace(/^0+/, '');
  // Seconds have 9 or 10 figures in this century; each finer unit has 3 more.
  const finer = Math.floor((figures.length - 9) / 3);
  if (finer < 0 || finer > 3 || figures.length % 3 === 2) return null;
  const length = figures.length - 3 * finer + 6;
  return within(Number((figures + fraction).slice(0, length).padEnd(length, '0')));
}

function within(time: number): Micros | null {
  return time >= EARLIEST && time < LATEST ? time : null;
}

/**
 * `2024-01-15T18:10:07.123000Z`: always six fractional digits.
 *
 * @throws {RangeError} when `time` is no whole number of microseconds that a Date can hold.
 */
export function formatMicros(time: Micros): string {
  const ms = Math.floor(time / 1000);
  const text = new Date(ms).toISOString();
  return `${text.slice(0, -1)}${String(time - ms * 1000).padStart(3, '0')}Z`;
}

/**
 * Reads `YYYY-MM-DDTHH:MM:SS[.f]Z` with 1 to 9 fractional digits out of a frame without making a string.
 * The day is remembered, since the times of a feed share it.
 */
export class TimeScanner {
  readonly #date = new Uint8Array(10);
  #day = 0;

  /** The time in bytes[start..end), or -1 when it has another form or is out of range: then ask `parseTime`. */
  scan(bytes: Uint8Array, start: number, end: number): Micros {
    const length = end - start;
    if (length < 20 || length > 30 || bytes[end - 1] !== 0x5a || bytes[start + 10] !== 0x54) return -1;
    const date = this.#date;
    let same = this.#day !== 0;
    for (let i = 0; same && i < 10; i++) same = bytes[start + i] === date[i];
    if (!same && !this.#learn(bytes, start)) return -1;
    if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return -1;
    const hour = twoDigits(bytes, start + 11);
    const minute = twoDigits(bytes, start + 14);
    const second = twoDigits(bytes, start + 17);
    // twoDigits gives a negative number for what is no digit.
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
    let micros = 0;
    if (length > 20) {
      if (bytes[start + 19] !== 0x2e || length === 21) return -1;
      let unit = 100_000;
      for (let i = start + 20; i < end - 1; i++) {
        const digit = (bytes[i] ?? 0) - 0x30;
        if (digit < 0 || digit > 9) return -1;
        if (unit >= 1) micros += digit * unit;
        unit = unit > 1 ? unit / 10 : 0;
      }
    }
    return this.#day + hour * HOUR + minute * MINUTE + second * SECOND + micros;
  }

  /** Reads the day anew; false when there is none or it is out of range. */
  #learn(bytes: Uint8Array, start: number): boolean {
    if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return false;
    const century = twoDigits(bytes, start);
    const year = twoDigits(bytes, start + 2);
    const month = twoDigits(bytes, start + 5);
    const day = twoDigits(bytes, start + 8);
    if (century < 0 || year < 0 || month < 0 || day < 0) return false;
    const time = startOfDay(century * 100 + year, month, day);
    // Whole days lie within the range or outside it, since both of its ends are midnights.
    if (time === null || within(time) === null) return false;
    this.#date.set(bytes.subarray(start, start + 10));
    this.#day = time;
    return true;
  }
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30;
  const ones = (bytes[at + 1] ?? 0) - 0x30;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}
