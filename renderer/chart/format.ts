/**
 * Numbers, times and lengths as they are written on the screen: tabular, UTC, in one spelling.
 * What is not known (null, NaN, infinite) is written as an en dash.
 */
import type { Micros, Millis } from '../../main/core/contract.ts';

/** U+2212: as wide as the plus and the digits, which the hyphen is not. */
export const MINUS = '\u2212';
/** U+2013: written where there is no value. */
export const NONE = '\u2013';

/** More digits than this would be noise from the float that carries a value to the screen. */
const MOST_DIGITS = 15;

function group(whole: string): string {
  let out = whole;
  for (let at = whole.length - 3; at > 0; at -= 3) out = out.slice(0, at) + ',' + out.slice(at);
  return out;
}

function fixed(value: number, digits: number): string {
  const places = Math.min(MOST_DIGITS, Math.max(0, Math.trunc(digits)));
  const magnitude = Math.abs(value);
  // From 1e21 on, toFixed answers in exponent form, which has no thousands to separate.
  if (magnitude >= 1e21) return (value < 0 ? MINUS : '') + magnitude.toPrecision(3);
  const text = magnitude.toFixed(places);
  const point = text.indexOf('.');
  const grouped = point < 0 ? group(text) : group(text.slice(0, point)) + text.slice(point);
  const isZero = Number(text) === 0;
  return value < 0 && !isZero ? MINUS + grouped : grouped;
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A price with the market's own `digits` after the point: `42,519.59`, `0.00141382`. */
export function formatPrice(value: number | null, digits: number): string {
  return isNumber(value) ? fixed(value, digits) : NONE;
}

/** A size or volume with the market's own `digits` after the point: `5,589`, `0.0125`. */
export function formatSize(value: number | null, digits: number): string {
  return isNumber(value) ? fixed(value, digits) : NONE;
}

/** A change given as a fraction (0.0042), as a signed percentage: `+0.42%`, `−0.36%`, `0.00%`. */
export function formatChange(fraction: number | null): string {
  if (!isNumber(fraction)) return NONE;
  const text = fixed(fraction * 100, 2) + '%';
  return fraction > 0 && text !== '0.00%' ? '+' + text : text;
}

/** Things a second: `46/s`, `3.1/s`, `0.9/s`; a trickle that would round to none is `<0.1/s`. */
export function formatRate(perSecond: number | null): string {
  if (!isNumber(perSecond)) return NONE;
  if (perSecond <= 0) return '0/s';
  if (perSecond < 0.05) return '<0.1/s';
  return fixed(perSecond, perSecond < 9.95 ? 1 : 0) + '/s';
}

/** A whole number with its thousands separated: `1,204,551`. */
export function formatCount(count: number | null): string {
  return isNumber(count) ? fixed(count, 0) : NONE;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes in decimal units and three significant digits: `512 B`, `73.4 kB`, `1.24 GB`. */
export function formatBytes(bytes: number | null): string {
  if (!isNumber(bytes)) return NONE;
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 would be written as 1000, so it is already the next unit's.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${fixed(value, digits)} ${BYTE_UNITS[unit] ?? 'B'}`;
}

/**
 * A length of time in its two largest units, cut and not rounded, as a clock is: `2 d 4 h`,
 * `6 h 12 m`, `3 m 12 s`, `14 s`, `340 ms`. A second unit of zero is left out; days begin at 48 h.
 */
export function formatDuration(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  const whole = Math.max(0, Math.floor(ms));
  if (whole > 0 && whole < 1000) return `${whole} ms`;
  const seconds = Math.floor(whole / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return pairOf(Math.floor(hours / 24), 'd', hours % 24, 'h');
  if (hours > 0) return pairOf(hours, 'h', minutes % 60, 'm');
  if (minutes > 0) return pairOf(minutes, 'm', seconds % 60, 's');
  return `${seconds} s`;
}

function pairOf(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`;
}

function pad2(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

function pad3(n: number): string {
  return n < 10 ? `00${n}` : n < 100 ? `0${n}` : String(n);
}

/** Milliseconds since the start of the UTC day, also before 1970. */
function msOfDay(ms: Millis): number {
  const day = 86_400_000;
  return ((Math.floor(ms) % day) + day) % day;
}

/** UTC time of day to the millisecond: `11:19:28.844`. */
export function formatTime(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  const t = msOfDay(ms);
  return `${formatSeconds(t)}.${pad3(t % 1000)}`;
}

/** The same for exchange times in microseconds; what is below a millisecond is cut. */
export function formatTimeMicros(us: Micros | null): string {
  return formatTime(us === null ? null : Math.floor(us / 1000));
}

/** UTC time of day to the second: `11:19:28`. */
export function formatSeconds(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  const t = msOfDay(ms);
  return `${formatClock(t)}:${pad2(Math.floor(t / 1000) % 60)}`;
}

/** UTC time of day to the minute: `11:19`. */
export function formatClock(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  const t = msOfDay(ms);
  return `${pad2(Math.floor(t / 3_600_000))}:${pad2(Math.floor(t / 60_000) % 60)}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** UTC day: `20 Nov`. */
export function formatDay(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  const date = new Date(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''}`;
}

/** UTC day with its weekday: `Fri 20 Nov`. */
export function formatWeekday(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  return `${WEEKDAYS[new Date(ms).getUTCDay()] ?? ''} ${formatDay(ms)}`;
}

/** UTC month and year: `Nov 2025`. */
export function formatMonth(ms: Millis | null): string {
  if (!isNumber(ms)) return NONE;
  const date = new Date(ms);
  return `${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()}`;
}
