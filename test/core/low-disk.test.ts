import { expect, test } from 'vitest';
import { LowDisk } from '../../main/core/low-disk.ts';

const GB = 1e9;

/** What is told of each reading: 1 a notice, 0 that it is over, -1 nothing new. */
function told(disk: number | null, frees: readonly (number | null)[]): number[] {
  const low = new LowDisk();
  return frees.map((free) => {
    const notice = low.take({ disk, free, folder: '/data' });
    return notice === undefined ? -1 : notice === null ? 0 : 1;
  });
}

test.each([
  ['a large disk, by 500 MB', 250 * GB, [9 * GB, 0.51 * GB, 0.49 * GB, 0.1 * GB], [-1, -1, 1, -1]],
  ['a small disk, by its twentieth part', 4 * GB, [0.21 * GB, 0.19 * GB], [-1, 1]],
  ['a disk of unknown size, by 500 MB', null, [0.51 * GB, 0.49 * GB], [-1, 1]],
  ['room that comes and goes, once', 250 * GB, [0.49, 0.55, 0.49, 0.59].map((n) => n * GB), [1, -1, -1, -1]],
  ['room again, and then no more, twice', 250 * GB, [0.49, 0.61, 0.49].map((n) => n * GB), [1, 0, 1]],
  ['what cannot be told, never', 250 * GB, [null, null], [-1, -1]],
])('%s', (_what, disk, frees, expected) => {
  expect(told(disk, frees)).toEqual(expected);
});

test('it says where, how much, and what to do', () => {
  const low = new LowDisk();
  expect(low.take({ disk: 250 * GB, free: 123_456_789, folder: '/data' })).toMatchObject({
    kind: 'storage',
    message: expect.stringMatching(/^Only 123 MB are free on the disk of \/data/) as string,
    action: expect.stringMatching(/Settings, Storage/) as string,
  });
});
