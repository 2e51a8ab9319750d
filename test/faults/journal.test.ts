/**
 * What a cut leaves in the record: the whole core against real servers, on a clock that the test moves,
 * by the commands that a view has, and after a restart.
 */
import { expect, it } from 'vitest';
import type {
  CommandArgs,
  CommandName,
  CommandValue,
  CoreEvent,
  JournalEntry,
  RefusalCount,
} from '../../main/core/contract.ts';
import { ENDPOINTS } from '../../main/core/contract.ts';
import { type Core, type CoreClient, createCore } from '../../main/core/core.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { temporaryFolder } from '../helpers/quipu.ts';
import { TestClock } from '../helpers/test-clock.ts';
import { atEnd, KEY, tradeMessage, until } from './link.ts';
import { acknowledge, feedServer } from './server.ts';

const MARKET = 'm';
const ALL = { session: null, endpoint: null, before: null, limit: 1_000 };

/** A view that keeps its events and has its commands answered. */
function viewOf(core: Core): {
  readonly events: CoreEvent[];
  readonly ask: <N extends CommandName>(command: N, args: CommandArgs<N>) => Promise<CommandValue<N>>;
} {
  const events: CoreEvent[] = [];
  const waiting = new Map<number, (value: unknown) => void>();
  const client: CoreClient = core.connect((message) => {
    if (message.kind === 'event') {
      events.push(message.event);
      return;
    }
    if (!message.result.ok) throw new Error(message.result.error.message);
    waiting.get(message.id)?.(message.result.value);
  });
  return {
    events,
    ask: async (command, args) => {
      const id = waiting.size + 1;
      const answer = new Promise((resolve) => waiting.set(id, resolve));
      client.request({ id, command, args });
      return (await answer) as never;
    },
  };
}

function told(entries: readonly JournalEntry[], endpoint: string): string[] {
  return entries
    .filter((entry) => entry.endpoint === endpoint)
    .map((entry) =>
      entry.type === 'transition'
        ? `${entry.from} > ${entry.to}: ${entry.kind}${entry.serverWords === null ? '' : ` “${entry.serverWords}”`}`
        : `${entry.state}: ${entry.recovered} recovered, ${entry.duplicates} held, overlap ${entry.overlap}`,
    );
}

it('a cut and its end are told in order, with their causes and what redelivery truly brought', async () => {
  const clock = new TestClock();
  const folder = temporaryFolder();
  atEnd(() => folder.remove());
  const start = clock.now() / 1000;
  const message = (id: number, ms: number): string =>
    tradeMessage({ id: `t${id}`, marketId: MARKET, timestamp: new Date(ms).toISOString() });
  /** Before the cut five arrived; after it four of them come again, three that were missed, and a new one. */
  const lines = [[1, 2, 3, 4, 5].map((id) => message(id, start - 1_000)), [] as string[]];
  const trades = await feedServer({
    headers: () => [`Date: ${new Date(clock.now() / 1000 - 90_000).toUTCString()}`],
    connected: (socket, nth) => {
      acknowledge(socket);
      socket.once('message', () => {
        for (const line of lines[nth] ?? []) socket.send(line);
        if (nth === 0) socket.send(tradeMessage({ marketId: MARKET, price: '-1' }));
      });
    },
  });
  const candles = await feedServer({ connected: acknowledge });
  const open = async (): Promise<Core> => {
    const core = await createCore({
      host: 'browser',
      version: '0.0.0',
      folder: folder.path,
      addresses: { trades: trades.url, candles: candles.url, dictionary: 'http://127.0.0.1:1' },
      environmentKey: KEY,
      ports: { ...nodePorts(), clock, logger: { log: () => undefined } },
      fixed: { markets: [MARKET], granularities: ['1m'] },
    });
    atEnd(() => core.close());
    return core;
  };
  const first = await open();
  const view = viewOf(first);
  const live = (): boolean => ENDPOINTS.every((endpoint) => first.links()[endpoint].phase === 'live');
  await first.start('live');
  await until(() => live() && first.report().trades.received === 5, 'the first trades');
  await until(() => first.report().trades.refused === 1, 'the refused one');
  // The server's date has whole seconds, and the handshake took no time on this clock.
  expect(first.links().trades.clockOffset).toBe(89_500);
  expect(first.links().candles.clockOffset).toBeNull();
  const refusals: readonly RefusalCount[] = [
    {
      endpoint: 'trades',
      reason: 'price',
      count: 1,
      first: start,
      last: start,
      samples: [{ at: start, text: expect.stringContaining('"price":"-1"') as string }],
    },
  ];
  expect(await view.ask('refusals.list', { session: null })).toEqual({ refusals });

  trades.sockets[0]?.close(1001, 'deploying v2');
  await until(() => first.links().trades.phase === 'waiting', 'the cut');
  clock.advance(1_000);
  lines[1] = [
    ...[2, 3, 4, 5].map((id) => message(id, start - 1_000)),
    ...[6, 7, 8].map((id) => message(id, start)),
    message(9, start + 60_000),
  ];
  // By whole seconds, in which outages are judged.
  for (let waited = 0; first.links().trades.phase === 'waiting' && waited < 5; waited++) clock.advance(1_000);
  await until(() => live() && first.report().trades.received === 13, 'what is redelivered');
  const back = clock.now() / 1000;
  // Redelivery is judged by a sign of life after its time: pongs are as fast as this computer, not as its clock.
  for (let waited = 0; waited < 40 && !view.events.some(isReport); waited++) {
    clock.advance(1_000);
    await new Promise((done) => setTimeout(done, 50));
  }
  const transitions = [
    'idle > connecting: start',
    'connecting > handshaking: reached',
    'handshaking > live: opened',
    'live > waiting: closed “deploying v2”',
    'waiting > connecting: due',
    'connecting > handshaking: reached',
    'handshaking > live: opened',
    'recovered: 3 recovered, 4 held, overlap true',
  ];
  // At once, though the last may not be on disk yet.
  const page = await view.ask('journal.page', ALL);
  expect(told(page.entries, 'trades')).toEqual(transitions);
  expect(page.entries).toEqual(
    view.events.flatMap((event) => (event.type === 'journal' ? [event.entry] : [])),
  );
  await first.close();
  expect(first.report().trades).toEqual({ received: 13, stored: 9, duplicates: 4, refused: 1 });

  const second = await open();
  const later = viewOf(second);
  const { entries } = await later.ask('journal.page', ALL);
  expect(entries.slice(0, page.entries.length)).toEqual(page.entries);
  expect(told(entries, 'trades')).toEqual([...transitions, 'live > stopped: stop']);
  expect(told(entries, 'candles')).toEqual([...transitions.slice(0, 3), 'live > stopped: stop']);
  expect(new Set(entries.map(({ session }) => session))).toEqual(new Set([1]));
  expect(entries.find(({ type }) => type === 'outage')).toMatchObject({
    from: start,
    to: back,
    at: expect.any(Number) as number,
    cause: 'The server goes away (1001).',
  });
  const ofCandles = { ...ALL, endpoint: 'candles' as const, limit: 2 };
  expect(await later.ask('journal.page', ofCandles)).toMatchObject({
    more: true,
    entries: [{ to: 'live' }, { to: 'stopped' }],
  });
  expect(await later.ask('refusals.list', { session: 1 })).toEqual({ refusals });
  expect(await later.ask('refusals.list', { session: null })).toEqual({ refusals: [] });
  const { minutes } = await later.ask('health.page', { endpoint: 'trades', before: null, limit: 9 });
  // With the two acknowledgements. Of the new trade alone, which is dated ahead, a lag can be told.
  const lag = back - (start + 60_000);
  expect(minutes).toMatchObject([
    { session: 1, at: start, messages: 16, reconnects: 1, refused: 1, lagP50: lag, lagP99: lag },
  ]);

  // Rows go on where they were, and the running recording is told before it is over.
  await second.start('live');
  await until(() => second.links().trades.phase === 'live', 'the second recording');
  const more = await later.ask('journal.page', { ...ALL, session: 2, endpoint: 'trades' });
  expect(told(more.entries, 'trades')).toEqual(transitions.slice(0, 3));
  expect(Math.min(...more.entries.map(({ row }) => row))).toBeGreaterThan(entries.at(-1)?.row ?? Infinity);
  expect(await later.ask('refusals.list', { session: 1 })).toEqual({ refusals });
});

function isReport(event: CoreEvent): boolean {
  return event.type === 'journal' && event.entry.type === 'outage';
}
