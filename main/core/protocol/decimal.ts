/**
 * Exact decimals: value = digits / 10^scale, digits a signed 64-bit whole number.
 *
 * Canonical: no trailing zero in `digits` while scale > 0, so that equal values have equal parts.
 */

/** More fractional digits than this do not occur with 19 significant ones, but for 0.000...1. */
export const MAX_SCALE = 38;
const MAX_DIGITS = 9_223_372_036_854_775_807n;

export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/**
 * Longest text that is read. Enough for 38 fractional digits with sign, point and exponent, and short
 * enough that no text makes the reading slow.
 */
const LONGEST = 96;

const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * Reads a decimal from the raw token of a message, never through a float.
 *
 * @returns null when the text is no finite decimal, or its value does not fit 64 bits or MAX_SCALE.
 */
export function parseDecimal(text: string): Decimal | null {
  if (text.length > LONGEST) return null;
  const match = SHAPE.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent] = match;
  if (whole.length + fraction.length === 0) return null;
  let scale = fraction.length - (exponent === undefined ? 0 : Number(exponent));
  let figures = (whole + fraction).replace(/^0+/, '');
  if (figures === '') return { digits: 0n, scale: 0 };
  const trimmed = figures.replace(/0+$/, '');
  scale -= figures.length - trimmed.length;
  figures = trimmed;
  if (scale < 0) {
    if (figures.length - scale > 19) return null;
    figures += '0'.repeat(-scale);
    scale = 0;
  }
  if (figures.length > 19 || scale > MAX_SCALE) return null;
  const digits = BigInt(figures);
  if (digits > MAX_DIGITS) return null;
  return { digits: sign === '-' ? -digits : digits, scale };
}

/**
 * Digits in the cheaper form: a number up to 2^53 - 1, the largest whole number below which a double
 * holds every one, and a bigint beyond. One value has one form, so equal values are `===`.
 */
export function narrowDigits(digits: bigint): number | bigint {
  return digits <= MAX_SAFE && digits >= -MAX_SAFE ? Number(digits) : digits;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The shortest plain text of the value: `1.5`, `0.000012`, `42`. */
export function formatDecimal(digits: number | bigint, scale: number): string {
  if (scale === 0) return digits.toString();
  const negative = digits < 0;
  const figures = (negative ? -digits : digits).toString().padStart(scale + 1, '0');
  const point = figures.length - scale;
  const text = `${figures.slice(0, point)}.${figures.slice(point)}`;
  return negative ? `-${text}` : text;
}

/** For the screen alone. */
export function decimalToNumber(digits: number | bigint, scale: number): number {
  // Up to 2^53 the digits, and up to 10^22 a power of ten, are exact in a double: one division rounds once.
  const short = typeof digits === 'number' ? digits : narrowDigits(digits);
  const power = POWERS[scale];
  return typeof short === 'number' && power !== undefined
    ? short / power
    : Number(formatDecimal(digits, scale));
}

const POWERS: readonly number[] = Array.from({ length: 23 }, (_, scale) => Number(`1e${scale}`));

/**
 * Canonical text of a decimal of any length, for what is kept as text (candles).
 *
 * @returns null when the text is no finite decimal or longer than 64 figures.
 */
export function canonicalDecimal(text: string): string | null {
  if (text.length > LONGEST) return null;
  const match = SHAPE.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent] = match;
  if (whole.length + fraction.length === 0) return null;
  const shift = exponent === undefined ? 0 : Number(exponent);
  let figures = whole + fraction;
  let point = whole.length + shift;
  if (Math.abs(shift) > 64 || figures.length > 64) return null;
  if (point < 0) {
    figures = '0'.repeat(-point) + figures;
    point = 0;
  }
  if (point > figures.length) figures = figures.padEnd(point, '0');
  const left = figures.slice(0, point).replace(/^0+/, '');
  const right = figures.slice(point).replace(/0+$/, '');
  if (left === '' && right === '') return '0';
  return `${sign === '-' ? '-' : ''}${left === '' ? '0' : left}${right === '' ? '' : `.${right}`}`;
}
