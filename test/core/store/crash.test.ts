import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BUCKET_FIELDS, floatsOf } from '../../../main/core/contract.ts';
import { CRASH_BATCH, CRASH_MARKETS, SEALING_BATCH } from './crash-child.ts';
import { allOf, failureOf, open, temporaryFolder, workerScript } from './support.ts';
import { openStore } from '../../../main/core/store/open.ts';

const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url));

/** Records in another process and kills that after so many acknowledged commits, and some time more. */
async function recordAndKill(folder: string, commits: number, trades = CRASH_BATCH, ms = 0): Promise<number> {
  const recording = spawn(process.execPath, [child, folder, String(trades)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => recording.once('exit', resolve));
  let acknowledged = 0;
  for await (const line of createInterface({ input: recording.stdout })) {
    acknowledged = Number(line);
    if (acknowledged === 1) {
      // It lives, so nobody else may record there.
      expect(await failureOf(openStore({ folder, workerScript }))).toMatchObject({ kind: 'in-use' });
    }
    if (acknowledged < commits) continue;
    if (ms === 0) recording.kill('SIGKILL');
    else setTimeout(() => recording.kill('SIGKILL'), ms);
  }
  await gone;
  return acknowledged;
}

test('what was acknowledged before kill -9 is there, in whole batches, and recording goes on', async () => {
  const folder = temporaryFolder();
  const runs = [3, 20, 45];
  const atLeast: number[] = [];
  for (const commits of runs) atLeast.push(await recordAndKill(folder, commits));
  const store = await open(folder);
  const sessions = await store.sessions();
  expect(sessions.map(({ state }) => state)).toEqual(runs.map(() => 'ended unexpectedly'));
  for (const [index, session] of sessions.entries()) {
    const trades = await allOf(store.exportTrades({ session: session.id, market: null }));
    const candles = await allOf(
      store.exportCandles({ session: session.id, market: null, granularity: null }),
    );
    expect(atLeast[index]).toBeGreaterThanOrEqual(runs[index] ?? Infinity);
    expect(trades.length).toBeGreaterThanOrEqual((atLeast[index] ?? Infinity) * CRASH_BATCH);
    expect(trades.length % CRASH_BATCH).toBe(0);
    expect(trades.map(({ id }) => id)).toEqual(trades.map((_, n) => `${n}`));
    // A candle is committed with each batch of trades.
    expect(candles.length).toBe(trades.length / CRASH_BATCH);
    expect(session).toMatchObject({ trades: trades.length, candles: candles.length });
    expect(session.ended).toBe(Math.floor((trades.at(-1)?.receiptTime ?? 0) / 1000));
  }
  const next = await store.beginSession(Date.now());
  expect(next).toMatchObject({ id: runs.length + 1, state: 'recording' });
}, 60_000);

test('a kill while trades are sealed neither loses nor doubles one, nor its part of a bucket', async () => {
  const folder = temporaryFolder();
  const kills = [7, 9, 12, 16, 23, 31];
  const acknowledged: number[] = [];
  for (const [index, commits] of kills.entries()) {
    acknowledged.push(await recordAndKill(folder, commits, SEALING_BATCH, 1 + index * 13));
  }
  const store = await open(folder);
  const sessions = await store.sessions();
  expect(sessions.length).toBe(kills.length);
  for (const [index, { id: session, trades }] of sessions.entries()) {
    let next = 0;
    for await (const page of store.exportTrades({ session, market: null })) {
      for (const each of page) {
        if (each.id !== `${next}` || each.market !== CRASH_MARKETS[(next % SEALING_BATCH) % 3]) {
          expect(each).toBe(`trade ${next}`);
        }
        next++;
      }
    }
    expect(next).toBe(trades);
    expect(next % SEALING_BATCH).toBe(0);
    expect(next).toBeGreaterThanOrEqual((acknowledged[index] ?? Infinity) * SEALING_BATCH);
    let counted = 0;
    for (const market of CRASH_MARKETS) {
      const query = { session, market, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 };
      const floats = floatsOf((await store.buckets(query)).bytes);
      for (let at = 7; at < floats.length; at += BUCKET_FIELDS) counted += floats[at] ?? NaN;
    }
    expect(counted).toBe(trades);
  }
}, 120_000);
