/** faults.md, rows 22 to 26 and 30: real servers and sockets, with the waits on a clock that the test moves. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClock } from '../helpers/test-clock.ts';
import { findProgram } from '../needs.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { KEY, tradeMessage, until, untilPhase, watch, type Watched } from './link.ts';
import { feedServer, type Refusal, tcpServer } from './server.ts';

const WORDS = 'x-inca-error-message';

/** Ms from now until the next attempt. */
function pause({ session }: Watched, clock: TestClock): number {
  return (session.state.retryAt ?? NaN) - clock.now() / 1000;
}

describe.each([401, 403])('row 22: %i', (status) => {
  it('one attempt, then stop until the key changes, with the action to take', async () => {
    const clock = new TestClock();
    const server = await feedServer({
      refuse: () => ({ status, headers: { [WORDS]: 'key \u00a0 expired on 2024-01-01' } }),
    });
    const link = watch(server.url, { clock });
    await untilPhase(link, 'refused');
    clock.advance(24 * 3_600_000);
    // An attempt that the clock set off would reach the server before this answer does.
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    expect(server.handshakes).toHaveLength(1);
    expect(server.handshakes[0]?.authorization).toBe(KEY);
    const { problem } = link.session.state;
    expect(problem).toMatchObject({ status, serverWords: expect.stringContaining('expired') as unknown });
    expect(problem?.action).toMatch(/key/);
    expect(link.session.state.retryAt).toBeNull();
  });
});

describe('row 23: 429 with Retry-After', () => {
  const now = Date.parse('2024-01-15T18:00:00Z');
  it.each([
    ['in seconds', '30', 30_000, 33_000],
    ['as a date', new Date(now + 60_000).toUTCString(), 60_000, 66_000],
    ['in the past', new Date(now - 60_000).toUTCString(), 1_000, 1_100],
    ['of zero', '0', 1_000, 1_100],
    ['absent', null, 5_000, 15_000],
    ['absurd', '99999999999999999999', 900_000, 900_000],
    ['without sense', 'soon', 5_000, 15_000],
    ['negative', '-5', 1_000, 15_000],
  ])('%s', async (_what, value, least, most) => {
    for (const chance of [0, 0.999_999]) {
      const clock = new TestClock(now);
      const headers = value === null ? {} : { 'retry-after': value };
      const server = await feedServer({ refuse: (nth) => (nth === 0 ? { status: 429, headers } : null) });
      const link = watch(server.url, { clock, random: () => chance });
      await untilPhase(link, 'waiting');
      expect(link.session.state.problem).toMatchObject({ kind: 'rate-limited', status: 429 });
      const wait = pause(link, clock);
      expect(wait).toBeGreaterThanOrEqual(least);
      expect(wait).toBeLessThanOrEqual(most);
      clock.advance(wait - 1);
      expect(link.session.state.phase).toBe('waiting');
      clock.advance(1);
      await untilPhase(link, 'live');
      expect(server.handshakes).toHaveLength(2);
    }
  });
});

describe.each([500, 503])('row 24: %i', (status) => {
  it('is tried again after waits that grow to at most 60 s, until it is over', async () => {
    const clock = new TestClock();
    const server = await feedServer({
      refuse: (nth) => (nth < 9 ? { status, headers: { [WORDS]: 'maintenance' } } : null),
      connected: (socket) => socket.send(tradeMessage()),
    });
    const link = watch(server.url, { clock, random: () => 0.999_999 });
    const waits: number[] = [];
    for (let nth = 1; nth <= 9; nth++) {
      await until(
        () => server.handshakes.length === nth && link.session.state.phase === 'waiting',
        'waiting',
      );
      expect(link.session.state.problem).toMatchObject({ kind: 'unavailable', serverWords: 'maintenance' });
      waits.push(Math.round(pause(link, clock) / 1000));
      clock.advance(pause(link, clock));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    await until(() => link.trades.length === 1, 'a trade');
    expect(link.session.state).toMatchObject({ phase: 'live', problem: null, attempt: 0 });
  });
});

describe.skipIf(findProgram('openssl') === null)('row 25: TLS', () => {
  let certificates: Certificates;
  let before: string[];

  beforeAll(() => {
    certificates = makeCertificates();
    before = getCACertificates('default');
    setDefaultCACertificates([...before, certificates.authority]);
  });
  afterAll(() => setDefaultCACertificates(before));

  it('a good certificate is accepted, and the key is sent', async () => {
    const server = await feedServer({ tls: certificates.good });
    const link = watch(server.url, { clock: new TestClock() });
    await untilPhase(link, 'live');
    expect(server.handshakes[0]?.authorization).toBe(KEY);
    expect(link.transitions.map(({ to }) => to)).toEqual(['connecting', 'handshaking', 'live']);
  });

  it.each([
    ['expired', 'expired', /has expired/],
    ['future', 'not valid yet', /not valid yet/],
    ['otherHost', 'of another host', /another address/],
    ['selfSigned', 'self-signed', /self-signed/],
  ] as const)(
    '%s: a certificate %s is a named error, and the key is not sent',
    async (name, _what, words) => {
      const server = await feedServer({ tls: certificates[name] });
      const link = watch(server.url, { clock: new TestClock() });
      await untilPhase(link, 'waiting');
      expect(server.tcp()).toBe(1);
      expect(server.handshakes).toEqual([]);
      const { problem } = link.session.state;
      expect(problem?.kind).toBe('tls');
      expect(problem?.message).toMatch(words);
      expect(problem?.message).toContain('The key was not sent.');
      expect(link.transitions.map(({ to }) => to)).toEqual(['connecting', 'waiting']);
    },
  );
});

describe('row 25: captive portal', () => {
  const page = '<html><title>Welcome to the airport</title></html>';

  it('that answers in the place of a TLS server: a named error, and the key is not sent', async () => {
    let received = '';
    const port = await tcpServer((socket) => {
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1');
        socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n${page}`);
      });
    });
    const link = watch(`wss://127.0.0.1:${port}/`, { clock: new TestClock() });
    await untilPhase(link, 'waiting');
    expect(received).not.toBe('');
    expect(received).not.toContain(KEY);
    expect(link.session.state.problem).toMatchObject({ kind: 'tls' });
    expect(link.session.state.problem?.message).toMatch(/does not speak TLS. The key was not sent/);
    expect(link.session.state.problem?.action).toMatch(/[Ss]ign in/);
  });

  it.each([200, 511])('whose page comes instead of the feed (%i): said so', async (status) => {
    const server = await feedServer({
      refuse: () => ({ status, body: page, headers: { 'content-type': 'text/html' } }),
    });
    const link = watch(server.url, { clock: new TestClock() });
    await untilPhase(link, 'waiting');
    expect(link.session.state.problem).toMatchObject({ kind: 'portal', status });
    expect(link.session.state.problem?.action).toMatch(/Sign in/);
  });
});

describe('row 26: a redirect to another host', () => {
  it.each([301, 302, 307, 308])('%i is not followed', async (status) => {
    const clock = new TestClock();
    const other = await feedServer();
    const refusal: Refusal = { status, headers: { location: other.url } };
    const server = await feedServer({ refuse: () => refusal });
    const link = watch(server.url, { clock });
    for (let nth = 1; nth <= 2; nth++) {
      await until(
        () => server.handshakes.length === nth && link.session.state.phase === 'waiting',
        'waiting',
      );
      expect(link.session.state.problem).toMatchObject({ kind: 'redirect', status });
      clock.advance(pause(link, clock));
    }
    expect(other.tcp()).toBe(0);
  });
});

describe('row 30: no network', () => {
  it('a name that cannot be looked up is tried again after growing waits', async () => {
    const clock = new TestClock();
    const link = watch('wss://feed.quipu.invalid/ws/trades', { clock, random: () => 0.999_999 });
    const waits: number[] = [];
    for (let nth = 1; nth <= 3; nth++) {
      await until(() => !Number.isNaN(link.entered('waiting', nth)), 'waiting', 20_000);
      expect(link.session.state.problem?.kind).toBe('dns');
      waits.push(Math.round(pause(link, clock) / 1000));
      clock.advance(pause(link, clock));
    }
    expect(waits).toEqual([1, 2, 4]);
  });

  it('a server that is not there is told from a network that is down', async () => {
    const server = await tcpServer((socket) => socket.destroy());
    const link = watch(`ws://127.0.0.1:${server}/`, { clock: new TestClock() });
    await untilPhase(link, 'waiting');
    expect(link.session.state.problem?.kind).toBe('broken');
    const nobody = watch('ws://127.0.0.1:1/', { clock: new TestClock() });
    await untilPhase(nobody, 'waiting');
    expect(nobody.session.state.problem).toMatchObject({ kind: 'unreachable' });
    expect(nobody.session.state.problem?.message).toMatch(/No server answers/);
  });

  const isolates = spawnSync('unshare', ['-rn', 'ip', 'link']).status === 0;
  it.skipIf(!isolates)('with every interface down it waits, and is back when the network is', async () => {
    const script = join(import.meta.dirname, 'offline-child.ts');
    const { stdout } = await promisify(execFile)('unshare', ['-rn', process.execPath, script], {
      timeout: 25_000,
    });
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; to: string; kind: string });
    const of = (name: string): string[] => [
      ...new Set(told.filter((each) => each.name === name && each.to === 'waiting').map(({ kind }) => kind)),
    ];
    expect(of('address')).toEqual(['unreachable']);
    expect(of('name')).toEqual(['dns']);
    expect(told.at(-1)).toEqual({ name: 'address', to: 'live', kind: 'opened' });
  });
});
