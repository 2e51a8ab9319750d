/** What a row of the bench is, and how it is measured: each contender in fresh processes, in turns. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How much is measured. */
export interface Form {
  readonly full: boolean;
  /** What the row's `prepare` left; empty and of its own for each contender when there is none. */
  readonly folder: string;
}

/** The note that a row's `bytes` are about. */
export const BYTES = 'bytes a trade';

/** What one process saw. */
export interface Sample {
  /** Pieces of work done: trades, frames, queries. */
  readonly work: number;
  /** Wall time in milliseconds. */
  readonly ms: number;
  /** CPU time of the process, all of its threads, in milliseconds. */
  readonly cpuMs: number;
  /** Other figures worth telling, such as bytes a trade. */
  readonly notes?: Readonly<Record<string, number>>;
}

export type Contender = (form: Form) => Promise<Sample>;

/** One line of the table; the module in rows/ that exports it is listed in rows/index.ts. */
export interface Row {
  /** For `--row`. */
  readonly name: string;
  /** In the words of the table. */
  readonly stage: string;
  /** What one piece of work is: `trade`, `query`. */
  readonly unit: string;
  /** Ours is named `ours`. One that throws Unavailable is left out, and its words are told. */
  readonly contenders: Readonly<Record<string, Contender>> & { readonly ours: Contender };
  /** Those of them that do only a part of the work: the most that the machine allows. */
  readonly limits?: readonly string[];
  /** The contender that the targets are told against. */
  readonly against: string;
  /** How many times as fast as `against` ours must be, and shall be; null for a row that only tells. */
  readonly must: number | null;
  readonly shall: number | null;
  /** What ours may take of the note BYTES at the most, as bytes or as a share of what `against` takes. */
  readonly bytes?: { readonly most: number } | { readonly share: number };
  /** Makes ready what all contenders read, in a process of its own; once for all rows that name the same. */
  readonly prepare?: (form: Form) => Promise<void>;
}

/** A contender that this machine does not have. */
export class Unavailable extends Error {}

export interface Measured {
  readonly samples: readonly Sample[];
  /** Why there are none. */
  readonly missing: string | null;
}

export interface RowResult {
  readonly row: Row;
  readonly contenders: ReadonlyMap<string, Measured>;
}

/** From a child process. */
export type Answer =
  | { readonly kind: 'sample'; readonly sample: Sample | null }
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

const child = join(import.meta.dirname, 'child.ts');
/** A process that measures this long hangs. */
const LIMIT_MS = 600_000;

/** What rows prepared, for others that ask for the same; to be removed in the end. */
export class Prepared {
  readonly #folders = new Map<NonNullable<Row['prepare']>, string>();

  /** The folder that the row's `prepare` filled; null when it has none. */
  async folderOf(row: Row, full: boolean): Promise<string | null> {
    if (row.prepare === undefined) return null;
    const known = this.#folders.get(row.prepare);
    if (known !== undefined) return known;
    const folder = temporaryFolder();
    this.#folders.set(row.prepare, folder);
    await askChild(row, 'prepare', { full, folder });
    return folder;
  }

  remove(): void {
    for (const folder of this.#folders.values()) rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures a row: `rounds` times each contender in turn, so that what else the machine does hits all alike. */
export async function measure(
  row: Row,
  full: boolean,
  rounds: number,
  prepared: Prepared,
): Promise<RowResult> {
  const names = Object.keys(row.contenders);
  const samples = new Map<string, Sample[]>(names.map((name) => [name, []]));
  const missing = new Map<string, string>();
  const shared = await prepared.folderOf(row, full);
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      if (missing.has(name)) continue;
      // A limit only tells, and one process does for that in the quick form.
      if (round > 0 && !full && (row.limits?.includes(name) ?? false)) continue;
      const folder = shared ?? temporaryFolder();
      try {
        const answer = await askChild(row, name, { full, folder });
        if (answer.kind === 'unavailable') missing.set(name, answer.why);
        else if (answer.sample !== null) samples.get(name)?.push(answer.sample);
      } finally {
        if (shared === null) rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  const contenders = new Map(
    names.map((name) => [name, { samples: samples.get(name) ?? [], missing: missing.get(name) ?? null }]),
  );
  return { row, contenders };
}

/** Pieces of work a second, of the median process. */
export function rateOf({ samples }: Measured): number {
  return median(samples.map(({ work, ms }) => (work / ms) * 1000));
}

/** CPU microseconds for a piece of work, of the median process. */
export function cpuOf({ samples }: Measured): number {
  return median(samples.map(({ work, cpuMs }) => (cpuMs / work) * 1000));
}

/** NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? NaN;
  const high = sorted[Math.ceil(middle)] ?? NaN;
  return (low + high) / 2;
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'quipu-bench-'));
}

/** @throws {Error} when the child failed */
async function askChild(row: Row, task: string, form: Form): Promise<Exclude<Answer, { kind: 'failed' }>> {
  const running = fork(child, [row.name, task, JSON.stringify(form)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const limit = setTimeout(() => running.kill('SIGKILL'), LIMIT_MS);
  const answer = await new Promise<Answer>((done) => {
    running.once('message', (message) => done(message as Answer));
    running.once('exit', (code) => done({ kind: 'failed', why: `the process ended with ${code}` }));
  });
  running.kill('SIGKILL');
  clearTimeout(limit);
  if (answer.kind === 'failed') throw new Error(`${row.name}, ${task}: ${answer.why}`);
  return answer;
}
