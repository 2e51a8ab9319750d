/**
 * Records synthetic trades through the real recorder and store for so many seconds or until SIGTERM, and prints a line of
 * JSON for each change of the recording's state; at last what became of it all. For faults of the disk.
 */
import type { DecodedTrade } from '../../main/core/protocol/decode.ts';
import { Recorder } from '../../main/core/flow/recorder.ts';
import { openStore } from '../../main/core/store/open.ts';
import { systemClock } from '../../main/core/system-clock.ts';

export interface StateLine {
  readonly state: string;
  readonly problem: string | null;
}

export interface EndLine {
  readonly ended: true;
  readonly session: number | null;
  readonly sent: number;
  readonly stored: number;
  readonly lostGaps: number;
}

const MARKET = 'binance-btc-usdt';
const TICK_MS = 20;

/** The nth trade; its id is its number. */
function tradeOf(n: number): DecodedTrade {
  return {
    market: MARKET,
    exchangeTime: systemClock.now(),
    priceDigits: 4_251_959 + (n % 100),
    priceScale: 2,
    sizeDigits: 125,
    sizeScale: 4,
    side: 1,
    id: String(n),
  };
}

async function record(folder: string, perSecond: number, seconds: number): Promise<void> {
  const print = (line: StateLine | EndLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const store = await openStore({
    folder,
    workerScript: (name) => new URL(`../../main/core/store/${name}-worker.ts`, import.meta.url),
  });
  let lostGaps = 0;
  const recorder = new Recorder({
    clock: systemClock,
    logger: { log: () => undefined },
    store,
    listener: {
      trade: () => undefined,
      candle: () => undefined,
      journal: () => undefined,
      coverage: () => undefined,
      gap: ({ state }) => {
        if (state === 'lost') lostGaps++;
      },
      changed: () => {
        const { state, problem } = recorder.recording;
        print({ state, problem: problem?.message ?? null });
      },
    },
  });
  recorder.watch([MARKET]);
  recorder.connected('trades');
  await recorder.begin();
  let sent = 0;
  let isStopped = false;
  process.once('SIGTERM', () => (isStopped = true));
  const started = performance.now();
  await new Promise<void>((done) => {
    const timer = setInterval(() => {
      const passed = (performance.now() - started) / 1000;
      const due = Math.floor(Math.min(passed, seconds) * perSecond);
      while (sent < due) recorder.trade(tradeOf(sent++));
      if (passed < seconds && !isStopped) return;
      clearInterval(timer);
      done();
    }, TICK_MS);
  });
  await recorder.close().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  const { session, trades } = recorder.report;
  await store.close();
  print({ ended: true, session, sent, stored: trades.stored, lostGaps });
}

const [, script, folder, perSecond, seconds] = process.argv;
if (script === import.meta.filename && folder !== undefined)
  await record(folder, Number(perSecond), Number(seconds));
