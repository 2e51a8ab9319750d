/**
 * faults.md, rows 1, 2 and 4: a recording process dies at any moment. Each of these kills so many and
 * throws when a single committed trade is lost, doubled or torn from its batch.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPowerCut, cutPower, powerCutEnvironment } from './power-cut.ts';
import { faultsOf, type Recorded, recordUntilKilled } from './recording.ts';

/** Sessions that one folder gathers before a fresh one: the older ones are looked over each time too. */
const A_FOLDER = 25;

export interface Tally {
  readonly killed: number;
  /** Batches that were acknowledged, of all of them together. */
  readonly committed: number;
  readonly words: string;
}

type Kill = (folder: string, nth: number) => Promise<Recorded>;

/** Is told after each folder of them how many held; a whole proof takes an hour. */
export type Progress = (words: string) => void;

async function killing(count: number, kill: Kill, progress?: Progress): Promise<Tally> {
  let committed = 0;
  for (let done = 0; done < count;) {
    const parent = mkdtempSync(join(tmpdir(), 'quipu-crash-'));
    const folder = join(parent, 'data');
    try {
      const all: Recorded[] = [];
      for (let n = 0; n < A_FOLDER && done < count; n++, done++) {
        const recorded = await kill(folder, done);
        committed += recorded.acknowledged;
        all.push(recorded);
        const faults = await faultsOf(folder, [recorded]);
        if (faults.length > 0) throw new Error(`kill ${done}: ${faults.join('; ')}`);
      }
      const faults = await faultsOf(folder, all);
      if (faults.length > 0) throw new Error(`after ${done} kills: ${faults.join('; ')}`);
      progress?.(`${done} of ${count} kills, ${committed} acknowledged commits, none lost so far`);
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  }
  return { killed: count, committed, words: `${count} kills, ${committed} acknowledged commits, none lost` };
}

/** Row 1: kill -9 at a random moment, from the start of the process on. */
export function killAtRandom(count: number, random: () => number, progress?: Progress): Promise<Tally> {
  const kill: Kill = (folder) => {
    // Some of them while it opens, which is when a killed one is mended.
    if (random() < 0.3) return recordUntilKilled(folder, () => false, { ms: 100 + random() * 500 });
    const commits = Math.floor(random() * 40);
    return recordUntilKilled(folder, (acknowledged) => acknowledged >= commits);
  };
  return killing(count, kill, progress);
}

/** Row 2: killed at the nth write of its writer's thread, n from `first` in steps of `step`. */
export function killAtWrite(count: number, first: number, step: number, progress?: Progress): Promise<Tally> {
  const kill: Kill = (folder, nth) => {
    const when = first + nth * step;
    const wrap = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=pwrite64', '-e'];
    return recordUntilKilled(folder, () => false, {
      wrap: [...wrap, `inject=pwrite64:signal=SIGKILL:when=${when}`],
    });
  };
  return killing(count, kill, progress);
}

/** Row 4: what was not synced when it died is lost, all of it or any part. */
export async function cutThePower(count: number, random: () => number, progress?: Progress): Promise<Tally> {
  const parent = mkdtempSync(join(tmpdir(), 'quipu-cut-'));
  try {
    const library = buildPowerCut(parent);
    let takenBack = 0;
    const kill: Kill = async (folder, nth) => {
      const log = join(parent, `cut-${nth}`);
      const commits = 1 + Math.floor(random() * 30);
      const recorded = await recordUntilKilled(folder, (acknowledged) => acknowledged >= commits, {
        env: powerCutEnvironment(library, folder, log),
      });
      const share = nth % 3 === 0 ? 0 : random();
      takenBack += cutPower(folder, log, () => random() < share);
      rmSync(log);
      return recorded;
    };
    const tally = await killing(count, kill, progress);
    // A cut that takes nothing back would show nothing.
    if (count > 20 && takenBack === 0) throw new Error('no write was ever taken back');
    return { ...tally, words: `${tally.words}; ${takenBack} unsynced writes taken back` };
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}
