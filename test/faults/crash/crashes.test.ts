/** The short forms of `npm run faults -- kills writes power restarts`. */
import { describe, expect, test } from 'vitest';
import { findProgram } from '../../needs.ts';
import { chance } from '../chance.ts';
import { cutThePower, killAtRandom, killAtWrite } from './crashes.ts';
import { killAndRestart } from './restarts.ts';

describe('a recording process dies: no committed trade is lost, doubled or torn from its batch', () => {
  test('row 1: at random moments', { timeout: 120_000 }, async () => {
    expect((await killAtRandom(8, chance(11))).committed).toBeGreaterThan(0);
  });

  test.skipIf(findProgram('strace') === null)('row 2: at its nth write', { timeout: 120_000 }, async () => {
    expect((await killAtWrite(8, 5, 23)).committed).toBeGreaterThan(0);
  });

  const canCut = process.platform === 'linux' && findProgram('cc') !== null;
  test.skipIf(!canCut)('row 4: by a loss of power', { timeout: 120_000 }, async () => {
    expect((await cutThePower(8, chance(12))).committed).toBeGreaterThan(0);
  });

  test(
    'row 1: and is restarted within the redelivery: every trade sent is stored once',
    { timeout: 120_000 },
    async () => {
      expect((await killAndRestart(3, chance(13))).sent).toBeGreaterThan(100);
    },
  );
});
