/** The crashes as proofs of `npm run faults`: `--count N` and `--seed N` change how many and which. */
import { chance } from '../chance.ts';
import type { Harness } from '../harness.ts';
import { cutThePower, killAtRandom, killAtWrite, type Progress } from './crashes.ts';
import { killAndRestart } from './restarts.ts';

function harness(
  name: string,
  about: string,
  usual: number,
  run: (count: number, seed: number, progress: Progress) => Promise<{ readonly words: string }>,
): Harness {
  return {
    name,
    about,
    async whole(options, print) {
      const seed = Number(options.get('seed') ?? 1);
      try {
        const { words } = await run(Number(options.get('count') ?? usual), seed, print);
        print(`${words} (seed ${seed})`);
        return true;
      } catch (error) {
        print(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
        return false;
      }
    },
  };
}

export const CRASHES: readonly Harness[] = [
  harness(
    'kills',
    'kill -9 of a recording process at random moments (row 1)',
    1_000,
    (count, seed, progress) => killAtRandom(count, chance(seed), progress),
  ),
  harness(
    'writes',
    'kill -9 at each of its writer\u2019s writes in turn (row 2)',
    500,
    (count, _seed, progress) => killAtWrite(count, 1, 1, progress),
  ),
  harness(
    'power',
    'loss of power, with what was not synced lost in part (row 4)',
    200,
    (count, seed, progress) => cutThePower(count, chance(seed), progress),
  ),
  harness('restarts', 'kill -9 and restart within the redelivery (row 1)', 60, (count, seed, progress) =>
    killAndRestart(count, chance(seed), progress),
  ),
];
