import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatChange,
  formatClock,
  formatCount,
  formatDay,
  formatDuration,
  formatMonth,
  formatPrice,
  formatRate,
  formatSize,
  formatTime,
  formatTimeMicros,
  formatWeekday,
} from '../../../renderer/chart/format.ts';

const AT = Date.UTC(2025, 10, 20, 11, 19, 28, 844);

describe('numbers', () => {
  test.each([
    [42519.59, 2, '42,519.59'],
    [0.00141382, 8, '0.00141382'],
    [0.5, 4, '0.5000'],
    [999, 0, '999'],
    [1000, 0, '1,000'],
    [1234567.891, 3, '1,234,567.891'],
    [-1234.5, 1, '\u22121,234.5'],
    [-0.001, 2, '0.00'],
    [0, 2, '0.00'],
    [null, 2, '\u2013'],
    [NaN, 2, '\u2013'],
    [Infinity, 2, '\u2013'],
  ])('a price of %s with %s digits', (value, digits, text) => {
    expect(formatPrice(value, digits)).toBe(text);
  });

  test('a price beyond what toFixed writes out is still a number', () => {
    expect(formatPrice(1.5e22, 2)).toBe('1.50e+22');
    expect(formatPrice(1, 99)).toBe('1.000000000000000');
  });

  test('sizes and counts are grouped by thousands', () => {
    expect(formatSize(5589, 0)).toBe('5,589');
    expect(formatSize(0.0125, 4)).toBe('0.0125');
    expect(formatCount(1204551)).toBe('1,204,551');
  });

  test.each([
    [0.0042, '+0.42%'],
    [-0.0036, '\u22120.36%'],
    [0, '0.00%'],
    [0.00001, '0.00%'],
    [-0.00001, '0.00%'],
    [12.5, '+1,250.00%'],
    [null, '\u2013'],
  ])('a change of %s', (fraction, text) => {
    expect(formatChange(fraction)).toBe(text);
  });

  test.each([
    [46, '46/s'],
    [3.1, '3.1/s'],
    [0.9, '0.9/s'],
    [4, '4.0/s'],
    [9.94, '9.9/s'],
    [9.96, '10/s'],
    [1234.4, '1,234/s'],
    [0.01, '<0.1/s'],
    [0, '0/s'],
  ])('a rate of %s', (rate, text) => {
    expect(formatRate(rate)).toBe(text);
  });

  test.each([
    [0, '0 B'],
    [512, '512 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [73_400, '73.4 kB'],
    [1_240_000_000, '1.24 GB'],
    [99_960_000_000, '100 GB'],
  ])('%s bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('times', () => {
  test.each([
    [(6 * 60 + 12) * 60_000, '6 h 12 m'],
    [192_000, '3 m 12 s'],
    [192_999, '3 m 12 s'],
    [14_000, '14 s'],
    [24 * 3_600_000, '24 h'],
    [47 * 3_600_000 + 59 * 60_000, '47 h 59 m'],
    [52 * 3_600_000, '2 d 4 h'],
    [68 * 86_400_000, '68 d'],
    [340, '340 ms'],
    [0, '0 s'],
    [-5, '0 s'],
    [null, '\u2013'],
  ])('a length of %s ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('a time of day is UTC, to the millisecond', () => {
    expect(formatTime(AT)).toBe('11:19:28.844');
    expect(formatTime(Date.UTC(2025, 0, 1, 0, 0, 0, 7))).toBe('00:00:00.007');
    expect(formatTimeMicros(AT * 1000 + 999)).toBe('11:19:28.844');
    expect(formatTimeMicros(null)).toBe('\u2013');
    expect(formatTime(-1)).toBe('23:59:59.999');
  });

  test('days and months', () => {
    expect(formatClock(AT)).toBe('11:19');
    expect(formatDay(AT)).toBe('20 Nov');
    expect(formatWeekday(AT)).toBe('Thu 20 Nov');
    expect(formatMonth(AT)).toBe('Nov 2025');
  });
});
