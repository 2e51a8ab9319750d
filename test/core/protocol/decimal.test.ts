import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_SCALE,
  canonicalDecimal,
  decimalToNumber,
  formatDecimal,
  narrowDigits,
  parseDecimal,
} from '../../../main/core/protocol/decimal.ts';

const MAX = 9_223_372_036_854_775_807n;

describe('parseDecimal', () => {
  it.each<[string, bigint, number]>([
    ['42519.59', 4251959n, 2],
    ['42519.5900', 4251959n, 2],
    ['0', 0n, 0],
    ['-0.00', 0n, 0],
    ['1000', 1000n, 0],
    ['1e3', 1000n, 0],
    ['1.5E-7', 15n, 8],
    ['0.00000001', 1n, 8],
    ['-2.50', -25n, 1],
    ['+1', 1n, 0],
    ['.5', 5n, 1],
    ['5.', 5n, 0],
    ['0001.10', 11n, 1],
    ['9223372036854775807', MAX, 0],
    ['9.223372036854775807', MAX, 18],
    [`1e-${MAX_SCALE}`, 1n, MAX_SCALE],
    ['9007199254740993', 9007199254740993n, 0],
  ])('%s', (text, digits, scale) => {
    expect(parseDecimal(text)).toEqual({ digits, scale });
  });

  it.each([
    '',
    '.',
    '-',
    'e5',
    'NaN',
    'Infinity',
    '-Infinity',
    '1e999',
    '1e19',
    '9223372036854775808',
    `1e-${MAX_SCALE + 1}`,
    '1,5',
    '1.2.3',
    ' 1',
    '1 ',
    '0x10',
    '1_000',
    '١',
    `1.${'0'.repeat(200)}`,
  ])('refuses %j', (text) => {
    expect(parseDecimal(text)).toBeNull();
  });

  it('reads a long run of zeros without delay', () => {
    // A quadratic search for trailing zeros would take minutes here.
    expect(parseDecimal(`1${'0'.repeat(5_000_000)}1`)).toBeNull();
    expect(canonicalDecimal(`1${'0'.repeat(5_000_000)}1`)).toBeNull();
  });

  it('gives back what formatDecimal wrote', () => {
    const canonical = fc
      .tuple(fc.bigInt({ min: -MAX, max: MAX }), fc.integer({ min: 0, max: MAX_SCALE }))
      .filter(([digits, scale]) => (scale === 0 ? true : digits % 10n !== 0n));
    fc.assert(
      fc.property(canonical, ([digits, scale]) => {
        const text = formatDecimal(digits, scale);
        expect(parseDecimal(text)).toEqual({ digits, scale });
        expect(formatDecimal(narrowDigits(digits), scale)).toBe(text);
        expect(canonicalDecimal(text)).toBe(text);
      }),
    );
  });

  it('keeps the value of any plain text', () => {
    const figures = fc.stringMatching(/^\d{1,9}$/);
    fc.assert(
      fc.property(figures, figures, (whole, fraction) => {
        const decimal = parseDecimal(`${whole}.${fraction}`);
        expect(decimal).not.toBeNull();
        if (decimal === null) return;
        const exact = BigInt(whole + fraction);
        expect(decimal.digits * 10n ** BigInt(fraction.length - decimal.scale)).toBe(exact);
      }),
    );
  });
});

describe('canonicalDecimal', () => {
  it.each<[string, string | null]>([
    ['1.50', '1.5'],
    ['-0', '0'],
    ['-1.0', '-1'],
    ['1e3', '1000'],
    ['1.23e-5', '0.0000123'],
    ['123456789012345678901234567890.10', '123456789012345678901234567890.1'],
    ['0.000', '0'],
    ['00.5', '0.5'],
    ['1e65', null],
    ['1e999', null],
    ['nan', null],
    ['', null],
    ['9'.repeat(65), null],
  ])('%s', (text, expected) => {
    expect(canonicalDecimal(text)).toBe(expected);
  });

  it('agrees with parseDecimal wherever that reads', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^-?\d{1,12}(\.\d{1,8})?([eE][+-]?\d)?$/), (text) => {
        const decimal = parseDecimal(text);
        if (decimal !== null)
          expect(canonicalDecimal(text)).toBe(formatDecimal(decimal.digits, decimal.scale));
      }),
    );
  });
});

describe('decimalToNumber', () => {
  it('is the nearest double', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: MAX }),
        fc.integer({ min: 0, max: MAX_SCALE }),
        (digits, scale) => {
          expect(decimalToNumber(digits, scale)).toBe(Number(`${digits}e-${scale}`));
          expect(decimalToNumber(narrowDigits(digits), scale)).toBe(Number(`${digits}e-${scale}`));
        },
      ),
    );
  });
});

describe('narrowDigits', () => {
  it('is a number up to 2^53 - 1 and a bigint beyond', () => {
    expect(narrowDigits(9007199254740991n)).toBe(9007199254740991);
    expect(narrowDigits(9007199254740992n)).toBe(9007199254740992n);
    expect(narrowDigits(-9007199254740991n)).toBe(-9007199254740991);
    expect(narrowDigits(-9007199254740992n)).toBe(-9007199254740992n);
  });
});
