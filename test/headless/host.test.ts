/** What the browser host lets in, against the real server. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Message } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { type Host, startHost } from '../../main/headless/host.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const NOWHERE = 'ws://127.0.0.1:1/none';

let folder: TemporaryFolder;
let core: Core;
let host: Host;
/** What the core would send to the newest view. */
let send: (message: Message) => void;
let views = 0;

beforeEach(async () => {
  folder = temporaryFolder();
  const pages = join(folder.path, 'pages');
  mkdirSync(join(pages, 'assets'), { recursive: true });
  writeFileSync(join(pages, 'index.html'), '<!doctype html>the page');
  writeFileSync(join(pages, 'assets', 'a.js'), 'export {};');
  writeFileSync(join(pages, '.hidden.txt'), 'hidden');
  writeFileSync(join(pages, 'unknown.kind'), 'unknown');
  writeFileSync(join(folder.path, 'secret.txt'), 'the secret');
  symlinkSync(join(folder.path, 'secret.txt'), join(pages, 'link.txt'));
  const ports = nodePorts();
  core = await createCore({
    host: 'browser',
    version: '0',
    folder: join(folder.path, 'data'),
    addresses: { trades: NOWHERE, candles: NOWHERE, dictionary: 'http://127.0.0.1:1' },
    environmentKey: 'unused',
    ports,
  });
  views = 0;
  const watched: Core = {
    connect: (given) => {
      send = given;
      views++;
      const client = core.connect(given);
      return {
        request: (message) => client.request(message),
        close: () => {
          views--;
          client.close();
        },
      };
    },
    start: (source) => core.start(source),
    resume: () => core.resume(),
    sleep: () => core.sleep(),
    wake: () => core.wake(),
    links: () => core.links(),
    report: () => core.report(),
    close: () => core.close(),
  };
  host = await startHost({ core: watched, port: 0, folder: pages, logger: { log: () => undefined } });
});
afterEach(async () => {
  await host.close();
  await core.close();
  folder.remove();
});

const name = (): string => `127.0.0.1:${host.port}`;
const token = (): string => host.address.split('#token=')[1] ?? '';
/** Headers of a page of its own. */
const own = (): readonly string[] => [`Host: ${name()}`, `Origin: http://${name()}`];

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** `path` goes out as it is, which fetch would not do. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: host.port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Bytes as they are, which no client would send; resolves with all that is answered. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port: host.port });
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => (text += part));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(bytes, 'latin1');
  });
}

const upgrade = (...lines: readonly string[]): string =>
  [
    'GET /bridge HTTP/1.1',
    ...lines,
    'Connection: Upgrade, close',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    '\r\n',
  ].join('\r\n');

interface BridgeOptions {
  readonly host?: string;
  /** null: the header is left out. */
  readonly origin?: string | null;
  readonly protocols?: readonly string[];
  readonly path?: string;
}

/** Resolves with the open socket, or with the status that refused it. */
function bridge(options: BridgeOptions = {}): Promise<WebSocket | number> {
  const { origin = `http://${name()}`, protocols = ['quipu.v1', `token.${token()}`] } = options;
  const socket = new WebSocket(`ws://${name()}${options.path ?? '/bridge'}`, [...protocols], {
    headers: { ...(options.host !== undefined && { Host: options.host }) },
    ...(origin !== null && { origin }),
  });
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(socket));
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('error', reject);
  });
}

describe('pages', () => {
  it('are served with their kind and with headers that keep others out', async () => {
    const page = await get('/');
    expect(page.status).toBe(200);
    expect(page.text).toContain('the page');
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = page.headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("style-src 'self';");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).toContain(`connect-src 'self' ws://${name()}`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    expect(page.headers).toMatchObject({
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    });
    expect(page.headers).not.toHaveProperty('set-cookie');
    expect(page.headers).not.toHaveProperty('access-control-allow-origin');
    const script = await get('/assets/a.js?v=1');
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//127.0.0.1/../secret.txt',
    '/link.txt',
    '/.hidden.txt',
    '/unknown.kind',
    '/assets',
    '/index.html%00.js',
    '/%zz',
    '/nothing.html',
  ])('%s is not found', async (path) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status: 404, text: '' });
  });

  it.each(['evil.example', 'localhost', '127.0.0.1'])('a foreign Host (%s) is refused', async (foreign) => {
    expect(await get('/', { Host: foreign })).toMatchObject({ status: 421, text: '' });
  });

  it('only GET and HEAD are answered', async () => {
    expect((await get('/', {}, 'POST')).status).toBe(405);
    expect(await get('/', {}, 'HEAD')).toMatchObject({ status: 200, text: '' });
  });

  it.skipIf(process.platform !== 'linux')('the port is open on 127.0.0.1 alone (Linux)', async () => {
    // Any other address of this machine would do; 127.0.0.2 is one on every Linux.
    const refused = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ host: '127.0.0.2', port: host.port });
      socket.on('connect', () => resolve(false));
      socket.on('error', () => resolve(true));
      socket.on('close', () => socket.destroy());
    });
    expect(refused).toBe(true);
  });
});

describe('the bridge', () => {
  it('lets in a page of its own that has the token, and selects the protocol without it', async () => {
    expect(token()).toMatch(/^[0-9a-f]{64}$/);
    const socket = await bridge();
    expect(socket).toBeInstanceOf(WebSocket);
    expect((socket as WebSocket).protocol).toBe('quipu.v1');
    (socket as WebSocket).terminate();
  });

  it.each<[string, BridgeOptions, number]>([
    ['a foreign Host', { host: 'evil.example' }, 421],
    ['a foreign Origin', { origin: 'http://evil.example' }, 403],
    ['the Origin of another port', { origin: 'http://127.0.0.1:1' }, 403],
    ['an opaque Origin', { origin: 'null' }, 403],
    ['no Origin', { origin: null }, 403],
    ['no token', { protocols: ['quipu.v1'] }, 401],
    ['an empty token', { protocols: ['quipu.v1', 'token.'] }, 401],
    ['a wrong token', { protocols: ['quipu.v1', `token.${'0'.repeat(64)}`] }, 401],
    ['another path', { path: '/elsewhere' }, 404],
  ])('refuses %s', async (_what, options, status) => {
    expect(await bridge(options)).toBe(status);
    expect(views).toBe(0);
  });

  it('refuses, of raw bytes, whatever is not exactly ours', async () => {
    const attempts: readonly [string, readonly string[], RegExp][] = [
      ['no Host', [`Origin: http://${name()}`], /^HTTP\/1\.1 4(?:00|21) /],
      ['an empty Host', ['Host:', `Origin: http://${name()}`], /^HTTP\/1\.1 4(?:00|21) /],
      ['two Hosts', [`Host: ${name()}`, 'Host: evil.example', `Origin: http://${name()}`], /^HTTP\/1\.1 4/],
      ['Host in another case of another name', ['Host: LOCALHOST', `Origin: http://${name()}`], /421/],
      ['a Host that begins with ours', [`Host: ${name()}.evil.example`], /421/],
      ['no Origin', [`Host: ${name()}`], /403/],
      ['an empty Origin', [`Host: ${name()}`, 'Origin:'], /403/],
      [
        'an Origin that begins with ours',
        [`Host: ${name()}`, `Origin: http://${name()}.evil.example`],
        /403/,
      ],
      ['our Origin by another scheme', [`Host: ${name()}`, `Origin: https://${name()}`], /403/],
      ['two Origins', [`Host: ${name()}`, `Origin: http://${name()}, http://evil.example`], /403/],
      ['the token in a cookie', [...own(), `Cookie: token=${token()}`], /401/],
      ['the token in Authorization', [...own(), `Authorization: Bearer ${token()}`], /401/],
      [
        'half of the token',
        [...own(), `Sec-WebSocket-Protocol: quipu.v1, token.${token().slice(0, 32)}`],
        /401/,
      ],
      ['more than the token', [...own(), `Sec-WebSocket-Protocol: quipu.v1, token.${token()}0`], /401/],
      [
        'the token in capitals',
        [...own(), `Sec-WebSocket-Protocol: quipu.v1, token.${token().toUpperCase()}`],
        /401/,
      ],
      [
        'a wrong token before the right one',
        [...own(), `Sec-WebSocket-Protocol: quipu.v1, token.x, token.${token()}`],
        /401/,
      ],
    ];
    for (const [what, lines, answer] of attempts) expect(await raw(upgrade(...lines)), what).toMatch(answer);
    expect(views).toBe(0);
  });

  it('takes the token from no address', async () => {
    for (const path of [`/bridge?token=${token()}`, `/bridge#token=${token()}`, `/bridge/${token()}`]) {
      const status = await raw(upgrade(...own()).replace('/bridge', path));
      expect(status).toMatch(/^HTTP\/1\.1 (?:404|400) /);
    }
  });

  it('survives what is no HTTP, and goes on', async () => {
    for (const bytes of [
      '\0\xff\r\n\r\n',
      'GET\r\n\r\n',
      `GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(5_000)}\r\n`,
    ]) {
      expect(await raw(bytes)).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/);
    }
    expect((await get('/')).status).toBe(200);
  });

  it('wants our protocol beside the token', async () => {
    expect(await bridge({ protocols: [`token.${token()}`] })).toBe(401);
  });

  it('answers nobody after ten wrong tokens in a minute', async () => {
    const wrong: BridgeOptions = { protocols: ['quipu.v1', 'token.wrong'] };
    for (let n = 0; n < 10; n++) expect(await bridge(wrong)).toBe(401);
    expect(await bridge(wrong)).toBe(429);
    expect(await bridge()).toBe(429);
  });

  it('tells when the next attempt is heard', async () => {
    const ask = upgrade(...own(), 'Sec-WebSocket-Protocol: quipu.v1, token.wrong');
    for (let n = 0; n < 10; n++) expect(await raw(ask)).toMatch(/^HTTP\/1\.1 401 /);
    const answer = await raw(ask);
    expect(answer).toMatch(/^HTTP\/1\.1 429 /);
    const seconds = Number(/^Retry-After: (\d+)\r$/m.exec(answer)?.[1]);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    // Pages are no attempt, and are served all the while.
    expect((await get('/')).status).toBe(200);
  });

  it('a page elsewhere cannot use up the attempts', async () => {
    for (let n = 0; n < 12; n++) expect(await bridge({ origin: 'http://evil.example' })).toBe(403);
    const socket = await bridge();
    expect(socket).toBeInstanceOf(WebSocket);
    (socket as WebSocket).terminate();
  });

  it('drops a view that does not read, and goes on for the others', async () => {
    const stalled = (await bridge()) as WebSocket;
    let closed = false;
    // Paused: the close arrives only after it is read on.
    stalled.on('close', () => (closed = true));
    stalled.pause();
    const sendToStalled = send;
    const other = (await bridge()) as WebSocket;
    expect(views).toBe(2);
    const bytes = new Uint8Array(1024 * 1024);
    let sent = 0;
    // The system's buffers between the two take some of it first.
    for (; sent < 200 && views === 2; sent++) {
      sendToStalled({ kind: 'event', event: { type: 'trades', market: 'm', count: 0, bytes } });
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(views).toBe(1);
    expect(sent).toBeGreaterThan(8);
    const heard = new Promise<string>((resolve) => {
      other.once('message', (data: Buffer) => resolve(data.toString('utf8')));
    });
    send({ kind: 'event', event: { type: 'settings', settings: { theme: 'dark' } } });
    expect(await heard).toContain('dark');
    stalled.resume();
    await expect.poll(() => closed).toBe(true);
    other.terminate();
  });

  it.each<[string, (socket: WebSocket) => void, number]>([
    ['binary', (socket) => socket.send(Buffer.from('{}')), 1003],
    ['no JSON', (socket) => socket.send('{'), 1007],
    ['more than a request can be', (socket) => socket.send(`"${'x'.repeat(2 * 1024 * 1024)}"`), 1009],
  ])('ends a view that sends %s', async (_what, act, code) => {
    const socket = (await bridge()) as WebSocket;
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    act(socket);
    expect(await closed).toBe(code);
    await expect.poll(() => views).toBe(0);
  });
});

it.each([
  ['nothing', ''],
  ['half a request', 'GET / HTTP/1.1\r\nHost: '],
])('ends though a program has connected and sent %s', async (_what, bytes) => {
  const silent = raw(bytes);
  // What came before is known to the server too.
  expect((await get('/')).status).toBe(200);
  await host.close();
  expect(await silent).toBe('');
});

it('a port that is taken is told', async () => {
  const again = startHost({ core, port: host.port, folder: folder.path, logger: { log: () => undefined } });
  await expect(again).rejects.toMatchObject({ kind: 'busy', action: 'Name another with --port.' });
});
