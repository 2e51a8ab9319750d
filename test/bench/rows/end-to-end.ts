/** The whole core over a real socket, as `quipu record` runs it, against parsing alone. */
import { createCore } from '../../../main/core/core.ts';
import { createWsSocket } from '../../../main/core/session/ws-socket.ts';
import { systemClock } from '../../../main/core/system-clock.ts';
import { workerScript } from '../../helpers/workers.ts';
import { startFeedServer } from '../feed-server.ts';
import { MARKETS } from '../frames.ts';
import { type Form, type Row, type Sample } from '../harness.ts';
import { Stopwatch } from '../stopwatch.ts';
import { byWs, overSocket } from './receive.ts';

const WARM_UP = 600_000;
const LOOK_MS = 5;

/** Counts what is on disk, not what came: from the first trades stored after the warm-up on. */
async function record({ full, folder }: Form): Promise<Sample> {
  const server = await startFeedServer();
  const core = await createCore({
    host: 'browser',
    version: 'bench',
    folder,
    addresses: {
      trades: `${server.url}/trades`,
      candles: `${server.url}/metrics`,
      dictionary: 'http://127.0.0.1:1/',
    },
    environmentKey: 'bench',
    ports: {
      clock: systemClock,
      logger: { log: () => undefined },
      secrets: { get: async () => null, set: async () => undefined, forget: async () => undefined },
      sockets: createWsSocket,
      fetch: async () => Response.error(),
      workerScript,
      startDemoFeed: () => Promise.reject(new Error('there is none')),
    },
    fixed: { markets: MARKETS.map(({ id }) => id), granularities: ['1m'] },
  });
  await core.start('live');
  const stored = async (count: number): Promise<number> => {
    for (;;) {
      const { trades } = core.report();
      if (trades.stored >= count) return trades.stored;
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  };
  const before = await stored(WARM_UP);
  const received = core.report().trades.received;
  const thread = process.threadCpuUsage();
  const watch = new Stopwatch();
  const after = await stored(before + (full ? 3_000_000 : 500_000));
  const { trades, gaps } = core.report();
  const { user, system } = process.threadCpuUsage(thread);
  const sample = watch.stop(after - before, {
    // More than a million cannot wait for the disk: those are a gap, and are not counted.
    'not stored': trades.received - trades.stored,
    gaps,
    'CPU of the main thread for a trade received, µs': (user + system) / (trades.received - received),
  });
  server.stop();
  if (trades.duplicates + trades.refused > 0) throw new Error('trades were taken for something else');
  return sample;
}

export const endToEnd: Row = {
  name: 'end-to-end',
  stage: 'end to end: received, decoded, de-duplicated, committed',
  unit: 'trade',
  contenders: {
    'ws + JSON.parse alone': overSocket((url, meter) =>
      byWs(meter, url, (data) => JSON.parse(data.toString('utf8')) as unknown),
    ),
    ours: record,
  },
  against: 'ws + JSON.parse alone',
  must: 1.2,
  shall: 2,
};
