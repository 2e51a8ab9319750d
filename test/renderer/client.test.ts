import { describe, expect, it } from 'vitest';
import type { CoreEvent } from '../../main/core/contract.ts';
import { createClient } from '../../renderer/state/client.ts';
import { snapshot, TestChannel } from './support.ts';

describe('createClient', () => {
  it('gives each answer to its own call, whatever their order', async () => {
    const channel = new TestChannel();
    const client = createClient(channel);
    const first = client.call('markets.search', { text: 'btc', limit: 5 });
    const second = client.call('sessions.list', {});
    const [a, b] = channel.sent;
    expect(a).toMatchObject({ command: 'markets.search', args: { text: 'btc', limit: 5 } });
    expect(a?.id).not.toBe(b?.id);
    channel.answer('sessions.list', { sessions: [] });
    channel.answer('markets.search', { total: 0, markets: [], read: null });
    expect(await second).toEqual({ ok: true, value: { sessions: [] } });
    expect(await first).toEqual({ ok: true, value: { total: 0, markets: [], read: null } });
  });

  it('passes a typed error on', async () => {
    const channel = new TestChannel();
    const call = createClient(channel).call('key.set', { key: 'k' });
    const error = { kind: 'keychain', message: 'The keychain is locked.' } as const;
    channel.tell({ kind: 'reply', id: channel.sent[0]?.id ?? -1, result: { ok: false, error } });
    expect(await call).toEqual({ ok: false, error });
  });

  it('ignores an answer to nothing that was asked', async () => {
    const channel = new TestChannel();
    const client = createClient(channel);
    const call = client.call('sessions.list', {});
    channel.tell({ kind: 'reply', id: 4711, result: { ok: true, value: null } });
    channel.answer('sessions.list', { sessions: [] });
    expect((await call).ok).toBe(true);
  });

  it('keeps events for the first listener, in order', () => {
    const channel = new TestChannel();
    const client = createClient(channel);
    channel.tell({ kind: 'event', event: { type: 'snapshot', snapshot: snapshot() } });
    channel.tell({ kind: 'event', event: { type: 'settings', settings: { theme: 'dark' } } });
    const seen: CoreEvent['type'][] = [];
    const stop = client.onEvent((event) => seen.push(event.type));
    channel.tell({ kind: 'event', event: { type: 'ticks', ticks: [] } });
    stop();
    channel.tell({ kind: 'event', event: { type: 'ticks', ticks: [] } });
    expect(seen).toEqual(['snapshot', 'settings', 'ticks']);
  });

  it('answers what waits and what comes later with the reason when the bridge is lost', async () => {
    const channel = new TestChannel();
    const client = createClient(channel);
    const told: string[] = [];
    client.onClose((why) => told.push(why));
    const waiting = client.call('sessions.list', {});
    channel.lose('Quipu was stopped.');
    channel.lose('again');
    const closed = { ok: false, error: { kind: 'closed', message: 'Quipu was stopped.' } };
    expect(await waiting).toEqual(closed);
    expect(await client.call('sessions.list', {})).toEqual(closed);
    client.onClose((why) => told.push(`late: ${why}`));
    expect(told).toEqual(['Quipu was stopped.', 'late: Quipu was stopped.']);
    expect(channel.sent).toHaveLength(1);
  });

  it('answers a call that the channel cannot send', async () => {
    const channel = new TestChannel();
    channel.send = () => {
      throw new Error('The pipe is full.');
    };
    const result = await createClient(channel).call('sessions.list', {});
    expect(result).toEqual({ ok: false, error: { kind: 'closed', message: 'The pipe is full.' } });
  });
});
