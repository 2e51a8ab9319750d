import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDemoWorker } from '../../main/demo/handle.ts';
import { Client, eventually, refusedBy } from './support.ts';
import { WebSocket } from 'ws';

const SCRIPT = join(import.meta.dirname, '../../main/demo/worker.ts');

async function opened(url: string, key: string): Promise<Client> {
  const socket = new WebSocket(url, { headers: { Authorization: key } });
  const client = new Client(socket);
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return client;
}

describe('the feed on a thread of its own', () => {
  it('serves with a key of its own, and ends', async () => {
    const one = await startDemoWorker(SCRIPT, { rate: 1_000 });
    const other = await startDemoWorker(SCRIPT);
    expect(one.key).not.toBe(other.key);
    expect((await refusedBy(one.addresses.trades, { Authorization: other.key })).status).toBe(401);
    const client = await opened(one.addresses.trades, one.key);
    await client.ask('subscribe', { marketIds: ['binance-btc-usdt'] });
    await client.until(() => client.data.length > 10);
    await Promise.all([one.close(), other.close()]);
    await client.until(() => client.closed !== null);
    await expect(opened(one.addresses.trades, one.key)).rejects.toThrow();
  });

  it('does not repeat the ids of an earlier start', async () => {
    const ids: number[][] = [];
    for (let start = 0; start < 2; start++) {
      const feed = await startDemoWorker(SCRIPT, { rate: 2_000 });
      const client = await opened(feed.addresses.trades, feed.key);
      await client.ask('subscribe', { marketIds: ['binance-btc-usdt'] });
      await client.until(() => client.data.length >= 100);
      ids.push(
        client.data.map((text) => Number((JSON.parse(text) as { payload: { id: string } }).payload.id)),
      );
      await feed.close();
    }
    expect(Math.min(...(ids[1] ?? []))).toBeGreaterThan(Math.max(...(ids[0] ?? [])));
  });

  it('reports why it could not start', async () => {
    await expect(startDemoWorker(SCRIPT, { rate: 0 })).rejects.toMatchObject({ kind: 'bad-argument' });
    await expect(startDemoWorker('/nowhere/worker.js')).rejects.toMatchObject({ kind: 'internal' });
    let failures = 0;
    const feed = await startDemoWorker(SCRIPT, {}, () => failures++);
    await feed.close();
    await eventually(() => true);
    expect(failures).toBe(0);
  });
});
