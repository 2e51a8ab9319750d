/**
 * faults.md, row 1, with the feed's redelivery: `quipu record` is killed again and again and restarted at
 * once. What the server sent is in the record exactly once, though no single session has it all.
 */
import { startDemoFeed } from '../../../main/demo/feed.ts';
import { quipu, temporaryFolder } from '../../helpers/quipu.ts';
import type { Chance } from '../chance.ts';

const MARKETS = ['binance-btc-usdt', 'okx-btc-usdt', 'binance-eth-usdt', 'okx-sol-usdt'];
const RATE = 500;
/** Well within the feed's redelivery of two minutes: by then the last recording has all, or something is lost. */
const PATIENCE_MS = 60_000;

export interface RestartTally {
  readonly sent: number;
  readonly words: string;
}

/** @throws {Error} when a trade that was sent is not stored, or is stored twice */
export async function killAndRestart(
  count: number,
  random: Chance,
  progress?: (words: string) => void,
): Promise<RestartTally> {
  const folder = temporaryFolder();
  const sent = new Map<string, string[]>(MARKETS.map((market) => [market, []]));
  const server = await startDemoFeed({
    port: 0,
    seed: 3,
    rate: RATE,
    key: 'k',
    onTrade: ({ market, id }) => sent.get(market)?.push(`${market} ${id}`),
  });
  const record = (): ReturnType<typeof quipu> =>
    quipu(
      ['record', ...MARKETS.flatMap((market) => ['--market', market]), '--data-dir', folder.path, '--json'],
      {
        QUIPU_API_KEY: server.key,
        QUIPU_TRADES_URL: server.addresses.trades,
        QUIPU_METRICS_URL: server.addresses.candles,
        QUIPU_DICTIONARY_URL: server.addresses.dictionary,
      },
    );
  try {
    let recording = record();
    for (let kill = 0; kill < count; kill++) {
      await seconds(1.5 + random() * 3);
      recording.process.kill('SIGKILL');
      await recording.ended;
      if (random() < 0.3) await seconds(random() * 2);
      recording = record();
      if ((kill + 1) % 10 === 0) progress?.(`${kill + 1} of ${count} kills`);
    }
    await seconds(4);
    server.pause();
    // What was published before the first subscription is nobody's.
    const due = MARKETS.flatMap((market) => (sent.get(market) ?? []).slice(-server.tradesPublished(market)));
    const deadline = performance.now() + PATIENCE_MS;
    for (let isWhole = false; !isWhole && performance.now() < deadline; await seconds(1)) {
      const kept = new Set(await storedIn(folder.path));
      isWhole = due.every((id) => kept.has(id));
    }
    await recording.stop();
    const last = await recording.ended;
    if (last.code !== 0) throw new Error(`the last recording ended with ${last.code}: ${last.stderr}`);

    const stored = await storedIn(folder.path);
    const held = new Set(stored);
    const published = due.length;
    const lost = due.filter((id) => !held.has(id)).length;
    const doubled = stored.length - held.size;
    if (stored.length === 0 || lost > 0 || doubled > 0)
      throw new Error(`of ${published} trades that were sent ${lost} are lost and ${doubled} doubled`);
    return { sent: published, words: `${count} kills, ${published} trades sent, each stored once` };
  } finally {
    await server.close();
    folder.remove();
  }
}

/** `market id` of every trade of every session. */
async function storedIn(folder: string): Promise<string[]> {
  const list = await quipu(['sessions', '--json', '--data-dir', folder]).ended;
  const sessions = JSON.parse(list.stdout) as { readonly id: number }[];
  const stored: string[] = [];
  for (const { id } of sessions) {
    const { stdout } = await quipu([
      'trades',
      '--session',
      String(id),
      '--format',
      'csv',
      '--data-dir',
      folder,
    ]).ended;
    const [head = '', ...lines] = stdout.trim().split(/\r?\n/);
    const names = head.split(',');
    for (const line of lines) {
      const cells = line.split(',');
      stored.push(`${cells[names.indexOf('market_id')]} ${cells[names.indexOf('id')]}`);
    }
  }
  return stored;
}

function seconds(count: number): Promise<void> {
  return new Promise((done) => setTimeout(done, count * 1000));
}
