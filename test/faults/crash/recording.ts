/**
 * A process that records until it is killed, and the look at what it left. Ids say what a batch is:
 * `batch-row-rows`, so that a part of one is told from a whole one.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { openStore } from '../../../main/core/store/open.ts';
import type { Store, StoredTrade } from '../../../main/core/store/store.ts';
import { commitOf, trade } from '../../core/store/rows.ts';

const MARKETS = ['binance-btc-usdt', 'okx-eth-usdt', 'kraken-xrp-eth'];

function workerScript(name: 'writer' | 'reader'): URL {
  return new URL(`../../../main/core/store/${name}-worker.ts`, import.meta.url);
}

/** The trades of a batch, always the same. */
function batchOf(batch: number): StoredTrade[] {
  const rows = 1 + ((batch * 7_919) % 300);
  return Array.from({ length: rows }, (_, n) =>
    trade({
      market: MARKETS[(batch + n) % MARKETS.length] ?? '',
      id: `${batch}-${n}-${rows}`,
      exchangeTime: 1_705_342_207_000_000 + batch * 50_000 + n,
      receiptTime: 1_705_342_207_040_000 + batch * 50_000 + n,
      price: `${42_000 + ((batch + n) % 500)}.${(n % 9) + 1}`,
    }),
  );
}

async function recordForever(folder: string): Promise<void> {
  const store = await openStore({ folder, workerScript });
  const { id: session } = await store.beginSession(1_705_342_207_000);
  process.stdout.write(`session ${session}\n`);
  for (let batch = 0; ; batch++) {
    const done = store.commit(commitOf(session, batchOf(batch))).then(() => {
      process.stdout.write(`${batch + 1}\n`);
    });
    // Some commits are under way at any time.
    if (batch % 3 === 2) await done;
  }
}

export interface Recorded {
  /** null when it did not come so far. */
  readonly session: number | null;
  /** Commits whose end was told. */
  readonly acknowledged: number;
}

/**
 * Records in a process of its own until that dies.
 *
 * @param until says of each number of acknowledged commits (0: it begins) whether to kill it
 * @param wrap what runs it: a program and its arguments
 */
export async function recordUntilKilled(
  folder: string,
  until: (acknowledged: number) => boolean,
  options: {
    readonly wrap?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    /** Killed then at the latest. */
    readonly ms?: number;
  } = {},
): Promise<Recorded> {
  const [program = process.execPath, ...args] = [
    ...(options.wrap ?? []),
    process.execPath,
    import.meta.filename,
    folder,
  ];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...options.env },
    detached: true,
  });
  const kill = (): void => {
    try {
      // The group, since a tracer is not what must die.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It died by itself.
    }
  };
  const gone = new Promise((resolve) => child.once('close', resolve));
  const timer = setTimeout(kill, options.ms ?? 60_000);
  let session: number | null = null;
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('session ')) session = Number(line.slice('session '.length));
    else acknowledged = Number(line);
    if (until(acknowledged)) kill();
  }
  await gone;
  clearTimeout(timer);
  return { session, acknowledged };
}

/**
 * Opens what killed processes left, and says what is wrong with it, in words; empty when nothing is:
 * every acknowledged batch is there, each batch whole and once, in order.
 */
export async function faultsOf(folder: string, recorded: readonly Recorded[]): Promise<string[]> {
  const faults: string[] = [];
  const store = await openStore({ folder, workerScript, notice: ({ message }) => faults.push(message) });
  try {
    for (const each of recorded) faults.push(...(await faultsOfOne(store, each)));
    return faults;
  } finally {
    await store.close();
  }
}

async function faultsOfOne(store: Store, { session, acknowledged }: Recorded): Promise<string[]> {
  if (session === null) return [];
  const faults: string[] = [];
  const summary = (await store.sessions()).find(({ id }) => id === session);
  if (summary === undefined) return [`session ${session} is gone`];
  if (summary.state !== 'ended unexpectedly') faults.push(`session ${session} is told as ${summary.state}`);
  let batch = 0;
  let next = 0;
  let trades = 0;
  for await (const page of store.exportTrades({ session, market: null })) {
    for (const stored of page) {
      const expected = batchOf(batch)[next];
      if (JSON.stringify(stored) !== JSON.stringify(expected)) {
        return [...faults, `expected ${JSON.stringify(expected)}, found ${JSON.stringify(stored)}`];
      }
      trades++;
      next++;
      if (next === batchOf(batch).length) {
        batch++;
        next = 0;
      }
    }
  }
  if (next !== 0) faults.push(`batch ${batch} is there up to its trade ${next}`);
  if (batch < acknowledged) faults.push(`${acknowledged} batches were acknowledged and ${batch} are there`);
  if (summary.trades !== trades) faults.push(`the session counts ${summary.trades} trades of ${trades}`);
  return faults;
}

const folder = process.argv[2];
if (process.argv[1] === import.meta.filename && folder !== undefined) await recordForever(folder);
