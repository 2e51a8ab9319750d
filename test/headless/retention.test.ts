/** `quipu store retention` and what other commands say of what it deleted, in processes of their own. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../main/core/store/open.ts';
import { commitOf, candle, variedTrades } from '../core/store/rows.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const OLD = Date.UTC(2024, 0, 15) * 1000;
const MARKET = 'binance-btc-usdt';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

/** A session of long ago, and one of today. */
async function record(): Promise<void> {
  const workerScript = (name: 'writer' | 'reader'): URL =>
    new URL(`../../main/core/store/${name}-worker.ts`, import.meta.url);
  const store = await openStore({ folder: folder.path, workerScript });
  const today = Date.now() * 1000;
  for (const at of [OLD, today]) {
    const { id } = await store.beginSession(at / 1000);
    const rows = variedTrades(300).map((each, n) => ({
      ...each,
      exchangeTime: at + n * 1_000 - 500,
      receiptTime: at + n * 1_000,
    }));
    const starts = [{ from: at, state: 'live' as const, cause: '' }];
    const lines = [{ market: MARKET, endpoint: 'trades' as const, from: at, starts }];
    const coverage = { lines, until: at + 10_000_000 };
    await store.commit(commitOf(id, rows, [candle({ start: at, receiptTime: at })], { coverage }));
    await store.endSession(id, at / 1000 + 10_000);
  }
  await store.close();
}

const run = (...args: string[]) => quipu([...args, '--data-dir', folder.path]).ended;

interface Told {
  readonly policy: Record<string, number | null>;
  readonly kinds: readonly { kind: string; rows: number; sessions: number; from: string; to: string }[];
  readonly applied: boolean;
}

describe('store retention', { timeout: 60_000 }, () => {
  it('tells what would be deleted and changes nothing; with --apply it is deleted, and told ever after', async () => {
    await record();
    const looked = await run('store', 'retention', '--trades-days', '30', '--json');
    expect(looked.code, looked.stderr).toBe(0);
    const told = JSON.parse(looked.stdout) as Told;
    expect(told.applied).toBe(false);
    expect(told.policy).toEqual({ tradesDays: 30, candlesDays: null, historyDays: null, maxBytes: null });
    expect(told.kinds[0]).toMatchObject({ kind: 'trades', rows: 300, sessions: 1 });
    expect(looked.stderr).toBe('');
    expect((await run('trades', '--session', '1', '--format', 'csv')).stdout.split('\n')).toHaveLength(302);

    const applied = await run('store', 'retention', '--trades-days', '30', '--apply');
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stdout).toMatch(/Trades are kept for 30 days, candles for ever/);

    const again = await run('store', 'retention', '--json');
    expect((JSON.parse(again.stdout) as Told).policy).toMatchObject({ tradesDays: 30, candlesDays: null });

    const sessions = JSON.parse((await run('sessions', '--json')).stdout) as Record<string, unknown>[];
    const until = new Date(OLD / 1000 + 299).toISOString();
    expect(sessions[0]).toMatchObject({
      trades: 300,
      candles: 1,
      deleted: { trades: 300, tradesUntil: until, candles: 0, candlesUntil: null },
    });
    expect(sessions[1]).not.toHaveProperty('deleted');
    expect((await run('sessions')).stdout).toContain(
      `Session 1: 300 trades until ${until} deleted by retention.`,
    );

    const trades = await run('trades', '--session', '1', '--format', 'csv');
    expect(trades.code).toBe(0);
    expect(trades.stdout.trim().split('\n')).toHaveLength(1);
    expect(trades.stderr).toContain(`the trades of session 1 until ${until} were deleted by retention`);
    const kept = await run('trades', '--session', '2', '--format', 'csv');
    expect(kept.stdout.trim().split('\n')).toHaveLength(301);
    expect(kept.stderr).toBe('');
    const candles = await run('candles', '--session', '1', '--format', 'csv');
    expect(candles.stderr).toBe('');
    expect(candles.stdout.trim().split('\n')).toHaveLength(2);

    const coverage = JSON.parse((await run('coverage', '--session', '1', '--json')).stdout) as object[];
    expect(coverage).toMatchObject([
      { endpoint: 'trades', state: 'off', cause: 'deleted by retention' },
      { endpoint: 'trades', state: 'live', cause: '' },
    ]);
  });

  it.each([
    [['--trades-days', '0'], /--trades-days must be a whole number from 1 to 36500 or forever/],
    [['--history-days', 'x'], /--history-days/],
    [['--max-bytes', '100'], /--max-bytes must be a whole number from 10000000 to \d+ or none/],
    [['--candles-days'], /quipu store retention --help/],
    [['--days', '3'], /--days/],
    [['now'], /now belongs to no option/],
  ])('%j is refused', async (args, line) => {
    const { code, stdout, stderr } = await run('store', 'retention', ...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('has its own help, and does not take a word that it is not', async () => {
    const help = await quipu(['store', 'retention', '--help']).ended;
    expect(help.stdout).toContain('Usage: quipu store retention');
    const other = await quipu(['trades', 'retention', '--format', 'csv']).ended;
    expect(other.code).toBe(2);
    expect((await quipu(['--help']).ended).stdout).toContain('store retention');
  });
});
