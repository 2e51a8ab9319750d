import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket as ServerSocket } from 'ws';
import { tradesOf } from '../../main/core/contract.ts';
import type { CoreEvent, Message } from '../../main/core/contract.ts';
import { encodeFrame } from '../../main/core/transport/loopback-frame.ts';
import { keepOpen, pauseBefore } from '../../renderer/state/bridge.ts';
import type { BridgeState } from '../../renderer/state/bridge.ts';
import { createClient } from '../../renderer/state/client.ts';
import type { Client } from '../../renderer/state/client.ts';
import { bridgeUrl, loopbackTransport } from '../../renderer/transports/loopback.ts';
import { ASK_MESSAGE, PORT_MESSAGE, portChannel, portTransport } from '../../renderer/transports/port.ts';
import { snapshot, tradeBytes } from './support.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Host {
  readonly url: string;
  readonly offered: string[];
  readonly requests: unknown[];
  readonly sockets: ServerSocket[];
}

/** A host that lets pages with the token `good` in and sends `greeting`. */
async function host(greeting: readonly Message[]): Promise<Host> {
  const offered: string[] = [];
  const requests: unknown[] = [];
  const sockets: ServerSocket[] = [];
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    path: '/bridge',
    verifyClient: ({ req }: { req: { headers: Record<string, unknown> } }) => {
      offered.push(String(req.headers['sec-websocket-protocol']));
      return offered.at(-1)?.split(/, ?/).includes('token.good') === true;
    },
    handleProtocols: () => 'quipu.v1',
  });
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (data: Buffer) => requests.push(JSON.parse(data.toString())));
    for (const message of greeting) socket.send(encodeFrame(message));
  });
  closers.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await vi.waitUntil(() => server.address());
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/bridge`,
    offered,
    requests,
    sockets,
  };
}

const greeting: readonly Message[] = [
  { kind: 'event', event: { type: 'snapshot', snapshot: snapshot() } },
  { kind: 'event', event: { type: 'trades', market: 'm', count: 1, bytes: tradeBytes([1, 2, 3]) } },
];

describe('the loopback transport', () => {
  it('offers the token as a subprotocol and carries text, bytes and requests', async () => {
    const { url, offered, requests, sockets } = await host(greeting);
    const client = createClient(await loopbackTransport(url, 'good').open());
    closers.push(() => client.close());
    const events: CoreEvent[] = [];
    client.onEvent((event) => events.push(event));
    await vi.waitUntil(() => events.length === 2);
    expect(offered.map((list) => list.split(/, ?/))).toEqual([['quipu.v1', 'token.good']]);
    expect(events[0]).toEqual({ type: 'snapshot', snapshot: snapshot() });
    const [, trades] = events;
    if (trades?.type !== 'trades') throw new Error('no trades');
    expect([...tradesOf(trades.bytes)].slice(0, 3)).toEqual([1, 2, 3]);
    const call = client.call('sessions.list', {});
    await vi.waitUntil(() => requests.length === 1);
    expect(requests[0]).toEqual({ id: 1, command: 'sessions.list', args: {} });
    const reply: Message = { kind: 'reply', id: 1, result: { ok: true, value: { sessions: [] } } };
    sockets[0]?.send(encodeFrame(reply));
    expect(await call).toEqual({ ok: true, value: { sessions: [] } });
  });

  it('says what to do without a token, and when it is not let in', async () => {
    const { url } = await host(greeting);
    await expect(loopbackTransport(url, null).open()).rejects.toThrow('Open the whole address');
    await expect(loopbackTransport(url, 'bad').open()).rejects.toThrow('does not answer');
  });

  it('ends the bridge at a frame that it cannot read', async () => {
    const { url, sockets } = await host([]);
    const client = createClient(await loopbackTransport(url, 'good').open());
    const why = new Promise<string>((resolve) => client.onClose(resolve));
    await vi.waitUntil(() => sockets.length === 1);
    sockets[0]?.send('{"kind":"nonsense"}');
    expect(await why).toContain('could not read');
  });

  it('is opened again after it was lost, with a fresh client', async () => {
    const { url, sockets } = await host(greeting);
    const states: BridgeState[] = [];
    const clients: Client[] = [];
    const bridge = keepOpen(loopbackTransport(url, 'good'), {
      state: (state) => states.push(state),
      client: (client) => clients.push(client),
    });
    closers.push(() => bridge.close());
    await vi.waitUntil(() => clients.length === 1 && sockets.length === 1);
    sockets[0]?.close(1001, 'Quipu is restarting.');
    await vi.waitUntil(() => states.at(-1)?.phase === 'lost');
    expect(states.at(-1)).toMatchObject({ why: 'Quipu is restarting.', attempt: 1 });
    bridge.retryNow();
    await vi.waitUntil(() => clients.length === 2);
    expect(states.at(-1)?.phase).toBe('open');
    expect(await clients[0]?.call('sessions.list', {})).toMatchObject({
      ok: false,
      error: { kind: 'closed' },
    });
  });

  it('waits longer each time, to a limit', () => {
    expect([1, 2, 3, 4, 5, 6, 60].map(pauseBefore)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
  });

  it('finds the bridge on the page’s own origin', () => {
    expect(bridgeUrl({ protocol: 'http:', host: '127.0.0.1:7700' })).toBe('ws://127.0.0.1:7700/bridge');
    expect(bridgeUrl({ protocol: 'https:', host: 'quipu.example' })).toBe('wss://quipu.example/bridge');
  });
});

/** As much of a window as the hand-over of a port needs, with the preload's part of it. */
class TestWindow extends EventTarget {
  readonly location = { origin: 'app://quipu' };
  readonly asked: unknown[] = [];

  postMessage(data: unknown, origin: string): void {
    this.asked.push([data, origin]);
  }

  give(port: MessagePort, source: unknown = this, data: unknown = PORT_MESSAGE): void {
    this.dispatchEvent(Object.assign(new Event('message'), { source, data, ports: [port] }));
  }
}

describe('the port transport', () => {
  it('asks for a port each time, and takes one from its own window alone', async () => {
    const page = new TestWindow();
    vi.stubGlobal('window', page);
    const pairs = [new MessageChannel(), new MessageChannel(), new MessageChannel()] as const;
    closers.push(() => {
      for (const { port1, port2 } of pairs) {
        port1.close();
        port2.close();
      }
      vi.unstubAllGlobals();
    });
    const received: unknown[] = [];
    pairs.forEach(({ port2 }, i) => {
      port2.onmessage = (event: MessageEvent<{ command: string }>) => received.push([i, event.data.command]);
    });
    const transport = portTransport();
    const opening = transport.open();
    page.give(pairs[0].port1, {});
    page.give(pairs[0].port1, page, 'something else');
    page.give(pairs[1].port1);
    void createClient(await opening).call('sessions.list', {});
    await vi.waitUntil(() => received.length === 1);
    const again = transport.open();
    page.give(pairs[2].port1);
    void createClient(await again).call('key.forget', {});
    await vi.waitUntil(() => received.length === 2);
    expect(received).toEqual([
      [1, 'sessions.list'],
      [2, 'key.forget'],
    ]);
    expect(page.asked).toEqual([
      [ASK_MESSAGE, 'app://quipu'],
      [ASK_MESSAGE, 'app://quipu'],
    ]);
  });

  it('carries requests and messages as clones, those that came early too', async () => {
    const { port1, port2 } = new MessageChannel();
    closers.push(() => {
      port1.close();
      port2.close();
    });
    const requests: unknown[] = [];
    port2.onmessage = (event: MessageEvent<unknown>) => requests.push(event.data);
    for (const message of greeting) port2.postMessage(message);
    const channel = portChannel(port1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const client = createClient(channel);
    const events: CoreEvent[] = [];
    client.onEvent((event) => events.push(event));
    await vi.waitUntil(() => events.length === 2);
    expect(events[1]).toMatchObject({ type: 'trades', bytes: tradeBytes([1, 2, 3]) });
    const call = client.call('key.set', { key: 'k' });
    await vi.waitUntil(() => requests.length === 1);
    expect(requests[0]).toEqual({ id: 1, command: 'key.set', args: { key: 'k' } });
    port2.postMessage({ kind: 'reply', id: 1, result: { ok: true, value: null } });
    expect(await call).toEqual({ ok: true, value: null });
  });
});
