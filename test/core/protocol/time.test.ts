import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EARLIEST, LATEST, TimeScanner, formatMicros, parseTime } from '../../../main/core/protocol/time.ts';

const SECOND = 1_705_342_207_000_000;

const ACCEPTED: [string, number][] = [
  ['2024-01-15T18:10:07Z', SECOND],
  ['2024-01-15T18:10:07.1Z', SECOND + 100_000],
  ['2024-01-15T18:10:07.123Z', SECOND + 123_000],
  ['2024-01-15T18:10:07.123456Z', SECOND + 123_456],
  ['2024-01-15T18:10:07.123456789Z', SECOND + 123_456],
  ['2024-01-15T18:10:07.999999999Z', SECOND + 999_999],
  ['2024-01-15T18:10:07.123', SECOND + 123_000],
  ['2024-01-15 18:10:07', SECOND],
  ['2024-01-15t18:10:07z', SECOND],
  ['2024-01-15T18:10Z', SECOND - 7_000_000],
  ['2024-01-15T20:10:07+02:00', SECOND],
  ['2024-01-15T12:40:07-05:30', SECOND],
  ['2024-01-15T12:40:07.5-0530', SECOND + 500_000],
  ['2024-01-15T20:10:07+02', SECOND],
  ['2024-02-29T00:00:00Z', 1_709_164_800_000_000],
  ['2000-01-01T00:00:00Z', EARLIEST],
  ['2099-12-31T23:59:59.999999Z', LATEST - 1],
  ['1705342207', SECOND],
  ['1705342207.123456789', SECOND + 123_456],
  ['1.705342207123E9', SECOND + 123_000],
  ['1.705342207123e12', SECOND + 123_000],
  ['1705342207123', SECOND + 123_000],
  ['1705342207123.456', SECOND + 123_456],
  ['1705342207123456', SECOND + 123_456],
  ['1705342207123456.7', SECOND + 123_456],
  ['1705342207123456789', SECOND + 123_456],
  ['946684800', EARLIEST],
  ['946684800000', EARLIEST],
  ['946684800000000', EARLIEST],
  ['946684800000000000', EARLIEST],
  ['4102444799999999999', LATEST - 1],
];

const REFUSED = [
  '',
  'now',
  '2024-01-15',
  '2024-02-30T00:00:00Z',
  '2023-02-29T00:00:00Z',
  '2024-13-01T00:00:00Z',
  '2024-00-10T00:00:00Z',
  '2024-01-15T24:00:00Z',
  '2024-01-15T18:60:07Z',
  '2024-01-15T18:10:60Z',
  '2024-01-15T18:10:07.Z',
  '2024-01-15T18:10:07.1234567890Z',
  '2024-01-15T18:10:07+24:00',
  '2024-01-15T18:10:07 Z',
  '1999-12-31T23:59:59.999999Z',
  '2100-01-01T00:00:00Z',
  '2100-01-01T00:30:00-01:00',
  '0000-01-01T00:00:00Z',
  '0',
  '1',
  '-1705342207',
  '946684799',
  '4102444800',
  '17053422071',
  '4102444800000',
  '99999999999999999999',
  '1e999',
  'NaN',
  '1'.repeat(100_000),
];

describe('parseTime', () => {
  it.each(ACCEPTED)('%s', (text, time) => {
    expect(parseTime(text)).toBe(time);
  });

  it.each(REFUSED)('refuses %j', (text) => {
    expect(parseTime(text)).toBeNull();
  });

  it('reads every microsecond that formatMicros writes, and every unit of an epoch', () => {
    fc.assert(
      fc.property(fc.integer({ min: EARLIEST, max: LATEST - 1 }), (time) => {
        expect(parseTime(formatMicros(time))).toBe(time);
        expect(parseTime(String(time))).toBe(time);
        expect(parseTime(`${time}999`)).toBe(time);
        expect(parseTime(String(Math.floor(time / 1000)))).toBe(time - (time % 1000));
        expect(parseTime(String(Math.floor(time / 1e6)))).toBe(time - (time % 1e6));
      }),
    );
  });
});

describe('formatMicros', () => {
  it.each<[number, string]>([
    [SECOND + 123_456, '2024-01-15T18:10:07.123456Z'],
    [SECOND, '2024-01-15T18:10:07.000000Z'],
    [SECOND + 7, '2024-01-15T18:10:07.000007Z'],
    [-1, '1969-12-31T23:59:59.999999Z'],
  ])('%d', (time, text) => {
    expect(formatMicros(time)).toBe(text);
  });
});

describe('TimeScanner', () => {
  const scanner = new TimeScanner();

  /** What the scanner gives for a text in the middle of other bytes. */
  function scan(text: string): number {
    const bytes = Buffer.from(`"${text}"`);
    return scanner.scan(bytes, 1, bytes.length - 1);
  }

  it('agrees with parseTime on what it reads', () => {
    for (const [text, time] of ACCEPTED) expect([-1, time]).toContain(scan(text));
    for (const text of REFUSED) expect(scan(text)).toBe(-1);
    expect(scan('2024-01-15T18:10:07.123Z')).toBe(SECOND + 123_000);
    expect(scan('2024-01-15T18:10:07Z')).toBe(SECOND);
    expect(scan('2024-01-15T18:10:07.123456789Z')).toBe(SECOND + 123_456);
    expect(new TimeScanner().scan(Buffer.concat([Buffer.alloc(10), Buffer.from('T18:10:07Z')]), 0, 20)).toBe(
      -1,
    );
  });

  it('agrees with parseTime on damaged times', () => {
    const damaged = fc
      .tuple(
        fc.integer({ min: EARLIEST, max: LATEST - 1 }),
        fc.nat(30),
        fc.constantFrom(...'0123456789Z.:-T+ x'),
      )
      .map(([time, at, character]) => {
        const text = formatMicros(time);
        return text.slice(0, at) + character + text.slice(at + 1);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        const time = scan(text);
        if (time !== -1) expect(time).toBe(parseTime(text));
      }),
      { numRuns: 2000 },
    );
  });
});
