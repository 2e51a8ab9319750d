/** Decimals straight out of a frame's bytes, without a string or a bigint where a number is exact. */
import { narrowDigits, parseDecimal } from './decimal.ts';

const QUOTE = 0x22;
const POINT = 0x2e;
const ZERO = 0x30;

/** Powers of ten up to the last that leaves a digit room below 2^53. */
const POWERS = Float64Array.from({ length: 16 }, (_, power) => Number(`1e${power}`));
/** Decimals longer than this are left to `parseDecimal`, which has the limits. */
const SHORT = 32;

export class DecimalReader {
  /** What was read last; canonical, see decimal.ts. */
  digits: number | bigint = 0;
  scale = 0;

  /**
   * Reads the decimal that begins at `start`, in quotes or bare as a JSON number. Signs and exponents are
   * left to others.
   *
   * @returns the place behind it, or -1; behind a bare one anything may stand, which is the caller's to see
   */
  read(bytes: Uint8Array, start: number, bare: boolean): number {
    let digits = 0;
    let at = start;
    let digit = (bytes[at] ?? 0) - ZERO;
    for (; digit >= 0 && digit <= 9; digit = (bytes[at] ?? 0) - ZERO) {
      digits = digits * 10 + digit;
      at++;
    }
    const whole = at - start;
    let scale = 0;
    let exact = true;
    if (digit === POINT - ZERO) {
      let zeros = 0;
      digit = (bytes[++at] ?? 0) - ZERO;
      for (; digit >= 0 && digit <= 9; digit = (bytes[++at] ?? 0) - ZERO) {
        if (digit === 0) {
          zeros++;
        } else if (zeros === 0) {
          digits = digits * 10 + digit;
          scale++;
        } else {
          // Zeros of the fraction count once another digit follows; so trailing ones never do.
          const more = zeros + 1;
          if (more >= POWERS.length) exact = false;
          digits = digits * (POWERS[more] ?? 0) + digit;
          scale += more;
          zeros = 0;
        }
      }
      if (at - start === 1 || (bare && (whole === 0 || at - start === whole + 1))) return -1;
    } else if (whole === 0) return -1;
    if (bare ? whole > 1 && bytes[start] === ZERO : bytes[at] !== QUOTE) return -1;
    // Beyond 2^53 - 1 the sum above has lost digits; what it rounded to is beyond as well.
    if (exact && digits <= Number.MAX_SAFE_INTEGER && at - start <= SHORT) {
      this.digits = digits;
      this.scale = scale;
      return at;
    }
    const decimal = parseDecimal(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, at - start).toString('latin1'),
    );
    if (decimal === null) return -1;
    this.digits = narrowDigits(decimal.digits);
    this.scale = decimal.scale;
    return at;
  }
}
