/** The real command line in processes of its own: what it takes, what it writes where, how it ends. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { WebSocketServer } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const MARKET = 'binance-btc-usdt';
/** A port of this computer that nothing listens on, for a server that is not there. */
const NOBODY = '127.0.0.1:1';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

function settings(feed: DemoFeed, key = feed.key): Record<string, string> {
  return {
    QUIPU_API_KEY: key,
    QUIPU_TRADES_URL: feed.addresses.trades,
    QUIPU_METRICS_URL: feed.addresses.candles,
    QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
  };
}

describe('usage', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['no command', [], /Name a command/],
    ['an unknown command', ['recrod'], /There is no command recrod.*record/],
    ['an unknown option', ['sessions', '--bogus'], /--bogus.*quipu sessions --help/],
    ['an option without its value', ['trades', '--session'], /--session.*quipu trades --help/],
    ['an argument that belongs to nothing', ['doctor', 'now'], /now belongs to no option/],
    ['a key in the arguments', ['record', '--market', 'm', '--key', 'k'], /--key/],
    ['record without a market', ['record'], /--market ID/],
    ['an empty market', ['record', '--market', ''], /market id/],
    ['a time without its unit', ['record', '--market', 'm', '--for', '60'], /60s, 5m or 1h/],
    ['no time', ['record', '--market', 'm', '--for', '0s'], /60s, 5m or 1h/],
    ['a granularity that is none', ['record', '--market', 'm', '--granularity', '5m'], /1m or 1h/],
    ['trades of no session', ['trades', '--format', 'csv'], /--session ID/],
    ['a session that is no number', ['trades', '--session', 'x', '--format', 'csv'], /--session must be/],
    ['a journal of an unknown endpoint', ['journal', '--endpoint', 'both'], /trades or candles/],
    ['health of a session that is no number', ['health', '--session', 'x'], /--session must be/],
    ['refusals of no session', ['refusals'], /--session ID/],
    ['no format', ['candles', '--session', '1'], /--format csv/],
    ['an unknown format', ['trades', '--session', '1', '--format', 'xml'], /csv or jsonl/],
    ['a port beyond the last', ['serve', '--port', '65536'], /--port must be/],
    ['a rate beyond the most', ['demo-feed', '--rate', '100001'], /--rate must be/],
    ['a rate below the least', ['demo-feed', '--rate', '0.01'], /--rate must be/],
    ['a played file without a market', ['demo-feed', '--trades-file', 'f'], /belong together/],
  ])('%s: exit 2 and one line that says what to do', async (_what, args, line) => {
    const { code, stdout, stderr } = await quipu(args, { QUIPU_DATA_DIR: folder.path }).ended;
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no address', { QUIPU_TRADES_URL: 'nonsense' }, /QUIPU_TRADES_URL.*wss:/],
    [
      'an address in the clear elsewhere',
      { QUIPU_METRICS_URL: 'ws://feed.example/ws' },
      /QUIPU_METRICS_URL.*wss:/,
    ],
    [
      'a password in an address',
      { QUIPU_DICTIONARY_URL: 'https://a:b@feed.example' },
      /QUIPU_DICTIONARY_URL/,
    ],
    ['a key that is none', { QUIPU_API_KEY: 'two words' }, /QUIPU_API_KEY/],
  ])('%s in the environment: exit 2', async (_what, env, line) => {
    const { code, stdout, stderr } = await quipu(['doctor'], env).ended;
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(line);
    expect(stderr).not.toContain('two words');
  });

  it.each([
    ...['demo-feed', 'record', 'sessions', 'trades', 'candles', 'coverage', 'journal', 'health', 'refusals'],
    ...['doctor', 'serve', 'store'],
  ])('%s --help', async (name) => {
    const { code, stdout, stderr } = await quipu([name, '--help']).ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: quipu ${name}`);
    expect(stderr).toBe('');
  });

  it('--help names every command and setting', async () => {
    const { stdout } = await quipu(['--help']).ended;
    for (const word of [
      'demo-feed',
      'record',
      'journal',
      'health',
      'refusals',
      'doctor',
      'serve',
      'QUIPU_API_KEY',
      'QUIPU_DATA_DIR',
      'Exit codes',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  it('an older Node is told what to do', () => {
    const script = `
      import { assertNode } from ${JSON.stringify(join(ROOT, 'build/assert-node.ts'))};
      assertNode('22.18.0');
      console.log('went on');`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/needs Node 24.*22\.18\.0.*npm ci/);
  });
});

describe('recording', { timeout: 60_000 }, () => {
  let feed: DemoFeed;
  beforeAll(async () => {
    feed = await startDemoFeed({ port: 0, seed: 5, rate: 400, key: 'the-right-key' });
  });
  afterEach(() => feed.setFault(null));
  afterAll(() => feed.close());

  function record(args: readonly string[], env: Record<string, string> = settings(feed)): Quipu {
    return quipu(['record', '--market', MARKET, '--data-dir', folder.path, ...args], env);
  }

  it('--for ends by itself; what it stored is listed and exported', async () => {
    // A disk that is slow for a moment is worth a warning, which is none of this.
    const env = { ...settings(feed), QUIPU_LOG: 'error' };
    const recorded = await record(['okx-btc-usdt', '--for', '6s', '--json'], env).ended;
    expect(recorded.code, recorded.stderr).toBe(0);
    expect(recorded.stderr).toBe('');
    expect(recorded.stdout.trimEnd().split('\n')).toHaveLength(1);
    const summary = JSON.parse(recorded.stdout) as {
      session: number;
      trades: { received: number; stored: number; duplicates: number; refused: number };
      candles: { received: number; stored: number; refused: number };
    };
    expect(Object.keys(summary)).toEqual(['session', 'trades', 'candles', 'connections', 'gaps']);
    expect(Object.keys(summary.trades)).toEqual(['received', 'stored', 'duplicates', 'refused']);
    expect(Object.keys(summary.candles)).toEqual(['received', 'stored', 'refused']);
    expect(summary).toMatchObject({ session: 1, connections: 2, gaps: 0 });
    expect(summary.trades.stored).toBeGreaterThan(0);
    expect(summary.trades.received).toBe(summary.trades.stored + summary.trades.duplicates);

    const listed = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
    const sessions = JSON.parse(listed.stdout) as Record<string, unknown>[];
    expect(sessions).toHaveLength(1);
    expect(Object.keys(sessions[0] ?? {})).toEqual([
      ...['id', 'started', 'ended', 'state', 'markets', 'trades', 'candles', 'gaps'],
      ...['name', 'note', 'pinned'],
    ]);
    expect(sessions[0]).toMatchObject({ id: 1, state: 'ended', trades: summary.trades.stored });
    expect((sessions[0]?.['markets'] as string[]).toSorted()).toEqual([MARKET, 'okx-btc-usdt']);
    const table = await quipu(['sessions', '--data-dir', folder.path]).ended;
    expect(table.stdout).toMatch(/^id +started[^\n]*\n1 /);

    const of = ['--session', '1', '--data-dir', folder.path];
    const csv = await quipu(['trades', ...of, '--format', 'csv']).ended;
    const lines = csv.stdout.split('\r\n');
    expect(lines[0]).toBe('market_id,id,exchange_time,receipt_time,price,size,side,origin');
    expect(lines).toHaveLength(summary.trades.stored + 2);
    expect(lines[1]).toMatch(
      /^[a-z-]+,\d+,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z,\d{4}-[^,]+\.\d{6}Z,[\d.]+,[\d.]+,(buy|sell),(live|redelivered)$/,
    );
    const one = await quipu(['trades', ...of, '--market', MARKET, '--format', 'jsonl']).ended;
    const rows = one.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(rows.length).toBe(lines.filter((line) => line.startsWith(`${MARKET},`)).length);
    expect(new Set(rows.map((row) => row['market_id']))).toEqual(new Set([MARKET]));
    expect(Object.values(rows[0] ?? {}).join(',')).toBe(lines.find((line) => line.startsWith(`${MARKET},`)));

    const candles = await quipu(['candles', ...of, '--granularity', '1h', '--format', 'csv']).ended;
    const [head, ...body] = candles.stdout.trimEnd().split('\r\n');
    expect(head).toBe(
      'market_id,granularity,start,open,high,low,close,volume,vwap,trades,receipt_time,origin',
    );
    expect(body.length).toBeGreaterThanOrEqual(2);
    for (const line of body) expect(line.split(',')[1]).toBe('1h');

    const out = join(folder.path, 'out.csv');
    const toFile = await quipu(['trades', ...of, '--format', 'csv', '--out', out]).ended;
    expect(toFile).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(out, 'utf8')).toBe(csv.stdout);
    expect(existsSync(`${out}.part`)).toBe(false);
    const nowhere = await quipu(['trades', ...of, '--format', 'csv', '--out', join(out, 'x')]).ended;
    expect(nowhere).toMatchObject({ code: 5, stdout: '' });
    expect(nowhere.stderr).toContain('--out');

    const missing = await quipu(['trades', '--session', '99', '--data-dir', folder.path, '--format', 'csv'])
      .ended;
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toContain('no session 99');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends it cleanly, with a summary for people', async (signal) => {
    const before = feed.counts.trades;
    const recording = record([]);
    await expect.poll(() => feed.connections, { timeout: 20_000 }).toEqual({ trades: 1, candles: 1 });
    await expect.poll(() => feed.counts.trades, { timeout: 20_000 }).not.toEqual(before);
    await new Promise((done) => setTimeout(done, 500));
    // npm sends a terminal's Ctrl-C a second time.
    recording.process.kill(signal);
    recording.process.kill(signal);
    const { code, stdout } = await recording.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^session +1\ntrades +\d+ received, \d+ stored/);
    const { stdout: listed } = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
    expect((JSON.parse(listed) as { state: string }[])[0]?.state).toBe('ended');
  });

  it.skipIf(process.platform === 'win32')(
    'ends cleanly when the npm that started it is ended (not on Windows)',
    async () => {
      const npm = spawn(
        'npm',
        ['run', '-s', 'quipu', '--', 'record', '--market', MARKET, '--data-dir', folder.path],
        {
          cwd: ROOT,
          stdio: 'ignore',
          env: { PATH: process.env['PATH'], HOME: folder.path, ...settings(feed) },
        },
      );
      await expect.poll(() => feed.connections, { timeout: 20_000 }).toEqual({ trades: 1, candles: 1 });
      npm.kill('SIGTERM');
      const state = async (): Promise<string | undefined> => {
        const { stdout } = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
        return (JSON.parse(stdout) as { state: string }[])[0]?.state;
      };
      await expect.poll(state, { timeout: 20_000, interval: 500 }).toBe('ended');
    },
  );

  it('tells on stderr how it goes, but not with --json', async () => {
    // A disk that is slow for a moment is told too, otherwise.
    const told = await record(['--for', '10s'], { ...settings(feed), QUIPU_LOG: 'error' }).ended;
    expect(told.stderr).toMatch(
      /^\d s: trades live, candles live; \d+ trades and \d+ candles stored, 0 gaps\n/,
    );
  });

  it.each([401, 403] as const)(
    'refused with %i: exit 3, the server’s words and what to do',
    async (status) => {
      feed.setFault({ status, words: 'these very words' });
      const { code, stdout, stderr } = await record(['--json'], {
        ...settings(feed, 'the-wrong-key'),
        QUIPU_LOG: 'debug',
      }).ended;
      expect(code).toBe(3);
      expect(JSON.parse(stdout)).toMatchObject({ connections: 0, trades: { stored: 0 } });
      expect(stderr).toContain('these very words');
      expect(stderr).toContain(String(status));
      expect(stderr).toMatch(/Enter the key|Ask Inca Digital/);
      expect(stdout + stderr).not.toContain('the-wrong-key');
    },
  );

  it('one endpoint refused: it records the other', async () => {
    feed.setFault({ endpoint: 'candles', status: 403, words: 'no candles for you' });
    const { code, stdout, stderr } = await record(['--for', '6s', '--json']).ended;
    expect(code, stderr).toBe(0);
    const summary = JSON.parse(stdout) as { trades: { stored: number }; connections: number };
    expect(summary.connections).toBe(1);
    expect(summary.trades.stored).toBeGreaterThan(0);
  });

  it('nobody there: exit 4', async () => {
    const { code, stdout, stderr } = await record(['--json'], {
      ...settings(feed),
      QUIPU_TRADES_URL: `ws://${NOBODY}/ws/trades`,
      QUIPU_METRICS_URL: `ws://${NOBODY}/ws/trade-metrics`,
    }).ended;
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ connections: 0 });
    expect(stderr).toContain('cannot be reached');
  });

  it('a server that is there and busy is waited for, and told when the time is over', async () => {
    feed.setFault({ status: 503, words: 'back soon' });
    const { code, stderr } = await record(['--for', '6s', '--json']).ended;
    expect(code).toBe(4);
    expect(stderr).toContain('back soon');
  });

  it('a folder that cannot be used: exit 5', async () => {
    const file = join(folder.path, 'a-file');
    writeFileSync(file, '');
    const recording = quipu(['record', '--market', MARKET, '--data-dir', join(file, 'sub')], settings(feed));
    const { code, stdout, stderr } = await recording.ended;
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain('QUIPU_DATA_DIR');
  });

  it('no key anywhere: exit 2, and why the keychain has none', async () => {
    const { code, stderr } = await record([], { ...settings(feed), QUIPU_API_KEY: '' }).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('There is no API key.');
    expect(stderr).toContain('QUIPU_API_KEY');
  });

  it('a second recorder into one folder is refused, while readers are not', async () => {
    const first = record([]);
    await expect.poll(() => feed.connections.trades, { timeout: 20_000 }).toBe(1);
    const second = await record(['--for', '1s']).ended;
    expect(second.code).toBe(5);
    const listed = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
    expect((JSON.parse(listed.stdout) as { state: string }[])[0]?.state).toBe('recording');
    await first.stop();
  });

  it('a reader that has had enough ends an export quietly', async () => {
    const recorded = await record(['--for', '6s', '--json']).ended;
    expect(recorded.code).toBe(0);
    const script = `"$0" "$1" trades --session 1 --format csv --data-dir "$2" | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', script, process.execPath, join(ROOT, 'main/headless/quipu.ts'), folder.path],
      { encoding: 'utf8' },
    );
    expect(stdout).toBe('0\n');
    expect(stderr).toBe('');
  });

  it('journal and health tell of the links what was recorded, refusals of what was not', async () => {
    const of = ['--data-dir', folder.path];
    for (const command of ['journal', 'health']) {
      expect(await quipu([command, '--json', ...of]).ended).toMatchObject({ code: 0, stdout: '[]\n' });
      expect((await quipu([command, ...of]).ended).stdout).toMatch(/^No.* recorded\.\n$/);
    }
    const recording = record(['--json']);
    await expect.poll(() => feed.connections, { timeout: 20_000 }).toEqual({ trades: 1, candles: 1 });
    feed.dropConnections(1001, 'deploying v2');
    // Read beside the recorder: each link opened twice.
    const opened = async (): Promise<number> => {
      const { stdout } = await quipu(['journal', '--json', ...of]).ended;
      return (JSON.parse(stdout) as { kind?: string }[]).filter(({ kind }) => kind === 'opened').length;
    };
    await expect.poll(opened, { timeout: 30_000, interval: 500 }).toBe(4);
    recording.process.kill('SIGTERM');
    const { stdout: summary } = await recording.ended;

    const told = await quipu(['journal', '--session', '1', '--endpoint', 'trades', '--json', ...of]).ended;
    expect(told.code, told.stderr).toBe(0);
    const entries = JSON.parse(told.stdout) as Record<string, unknown>[];
    const steps = entries.filter(({ type }) => type === 'transition');
    expect(Object.keys(steps[0] ?? {})).toEqual([
      ...['row', 'type', 'session', 'endpoint', 'at', 'from', 'to', 'kind', 'message', 'serverWords'],
    ]);
    expect(steps.map(({ to, kind }) => `${String(to)}: ${String(kind)}`)).toEqual([
      ...['connecting: start', 'handshaking: reached', 'live: opened', 'waiting: closed'],
      ...['connecting: due', 'handshaking: reached', 'live: opened', 'stopped: stop'],
    ]);
    expect(steps[3]).toMatchObject({
      session: 1,
      endpoint: 'trades',
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/) as string,
      message: 'The server goes away (1001).',
      serverWords: 'deploying v2',
    });
    const reports = entries.filter(({ type }) => type === 'outage');
    expect(Object.keys(reports[0] ?? {})).toEqual([
      ...['row', 'type', 'session', 'endpoint', 'at', 'from', 'to', 'state', 'cause', 'recovered'],
      ...['duplicates', 'overlap'],
    ]);
    const { trades } = JSON.parse(summary) as { trades: { duplicates: number } };
    expect(reports.reduce((sum, report) => sum + Number(report['duplicates']), 0)).toBe(trades.duplicates);
    const all = await quipu(['journal', ...of]).ended;
    expect(all.stdout).toMatch(
      /^\S+Z {5}1 {2}trades {3}live > waiting {2}closed: The server goes away \(1001\)\. The server: “deploying v2”$/m,
    );
    expect(all.stdout).toMatch(
      /^\S+Z {5}1 {2}candles {2}outage of [\d.]+ s from \S+Z: [a-z]+; \d+ new, \d+ held already, (no )?overlap\. The/m,
    );

    const minutes = JSON.parse(
      (await quipu(['health', '--session', '1', '--json', ...of]).ended).stdout,
    ) as Record<string, number | string | null>[];
    expect(Object.keys(minutes[0] ?? {})).toEqual([
      ...['session', 'endpoint', 'at', 'messages', 'bytes', 'lagP50', 'lagP95', 'lagP99', 'clockOffset'],
      ...['roundTrip', 'reconnects', 'refused'],
    ]);
    const ofTrades = minutes.filter(({ endpoint }) => endpoint === 'trades');
    expect(ofTrades.reduce((sum, { reconnects }) => sum + Number(reconnects), 0)).toBe(1);
    // Both clocks are this computer's.
    for (const { clockOffset } of minutes) expect(Math.abs(Number(clockOffset))).toBeLessThan(60_000);
    const [head = '', first = ''] = (await quipu(['health', ...of]).ended).stdout.split('\n');
    expect(head).toMatch(/^ +minute +session +endpoint +messages +bytes +lag p50/);
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ +1 +(trades|candles) /);
    expect(first).toHaveLength(head.length);

    const none = await quipu(['refusals', '--session', '1', ...of]).ended;
    expect(none).toMatchObject({ code: 0, stdout: 'Nothing was refused.\n' });
    for (const command of ['journal', 'health', 'refusals']) {
      const missing = await quipu([command, '--session', '9', ...of]).ended;
      expect(missing).toMatchObject({ code: 2, stdout: '' });
      expect(missing.stderr).toContain('no session 9');
    }
  });

  it('refusals are told with their reason and newest samples, made safe to print', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const trade = { id: '1', marketId: MARKET, timestamp: 1_705_341_600, price: '-1', size: '1' };
    const bad = (id: string): string => JSON.stringify({ type: 'trade', payload: { ...trade, id } });
    server.on('connection', (socket) => {
      socket.send(bad('1'));
      socket.send(bad('2\u202e\u001b[31m'));
    });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const url = `ws://127.0.0.1:${port}/`;
    const recorded = await record(['--for', '6s', '--json'], {
      ...settings(feed),
      QUIPU_TRADES_URL: url,
    }).ended;
    for (const client of server.clients) client.terminate();
    server.close();
    expect(recorded.code, recorded.stderr).toBe(0);
    const of = ['--session', '1', '--data-dir', folder.path];
    const list = JSON.parse((await quipu(['refusals', ...of, '--json']).ended).stdout) as {
      samples: { at: string; text: string }[];
    }[];
    expect(list).toMatchObject([{ endpoint: 'trades', reason: 'price', count: 2 }]);
    expect(list[0]?.samples.map(({ text }) => text)).toEqual([
      expect.stringContaining('"id":"2') as string,
      expect.stringContaining('"id":"1"') as string,
    ]);
    const text = await quipu(['refusals', ...of]).ended;
    expect(text.stdout).toMatch(
      /^trades {2}price {2}2 {2}from \S+Z to \S+Z\n {2}\S+Z {2}\{.*\n {2}\S+Z {2}\{/,
    );
    for (const unseen of ['\u001b', '\u202e']) expect(text.stdout).not.toContain(unseen);
  });

  it('doctor tells of each endpoint', async () => {
    const well = await quipu(['doctor', '--json'], settings(feed)).ended;
    expect(well.code, well.stderr).toBe(0);
    const found = JSON.parse(well.stdout) as { key: object; endpoints: object[]; dictionary: object };
    expect(found.key).toEqual({ place: 'environment', problem: null });
    expect(found.endpoints).toMatchObject([
      { name: 'trades', url: feed.addresses.trades, ok: true, status: 101, action: null },
      { name: 'candles', url: feed.addresses.candles, ok: true, status: 101 },
    ]);
    expect(found.dictionary).toMatchObject({ ok: true, status: 200 });

    const refused = await quipu(['doctor', '--json'], settings(feed, 'the-wrong-key')).ended;
    expect(refused.code).toBe(3);
    expect(refused.stdout + refused.stderr).not.toContain('the-wrong-key');
    expect((JSON.parse(refused.stdout) as { endpoints: object[] }).endpoints[0]).toMatchObject({
      ok: false,
      status: 401,
      problem: 'unauthorized',
      serverWords: 'The API key is not valid',
      action: 'Enter the key that Inca Digital gave you.',
    });

    const lost = await quipu(['doctor'], {
      ...settings(feed),
      QUIPU_TRADES_URL: `ws://${NOBODY}/`,
      QUIPU_DICTIONARY_URL: `http://${NOBODY}`,
    }).ended;
    expect(lost.code).toBe(4);
    expect(lost.stdout).toMatch(/trades: not ok \(status none/);
    expect(lost.stdout).toMatch(/candles: ok \(status 101/);
    expect(lost.stdout).toMatch(/dictionary: not ok/);
    expect(lost.stdout).not.toContain(feed.key);
  });
});

describe('servers', { timeout: 60_000 }, () => {
  it('demo-feed prints the settings with which Quipu connects to it', async () => {
    const feed = quipu(['demo-feed', '--rate', '50', '--key', 'k1']);
    await feed.firstLine;
    await expect.poll(() => feed.process.exitCode).toBeNull();
    feed.process.kill('SIGINT');
    const { code, stdout } = await feed.ended;
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('='));
    expect(lines.map(([name]) => name)).toEqual([
      ...['QUIPU_TRADES_URL', 'QUIPU_METRICS_URL', 'QUIPU_DICTIONARY_URL', 'QUIPU_API_KEY'],
    ]);
    expect(lines[0]?.[1]).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws\/trades$/);
    expect(lines[3]?.[1]).toBe('k1');
  });

  it('serve: its first line is the address, for people and for programs', async () => {
    const host = quipu(['serve', '--data-dir', folder.path]);
    expect(await host.firstLine).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{64}$/);
    await host.stop();
    const again = quipu(['serve', '--data-dir', folder.path, '--json', '--demo']);
    const first = JSON.parse(await again.firstLine) as { address: string; port: number };
    expect(first.address).toContain(`http://127.0.0.1:${first.port}/#token=`);
    const page = await fetch(`http://127.0.0.1:${first.port}/`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Quipu</title>');
    again.process.kill('SIGTERM');
    const { code, stdout } = await again.ended;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('serve on a port that is taken: one line, and what to do', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    const { code, stdout, stderr } = await quipu(['serve', '--data-dir', folder.path, '--port', String(port)])
      .ended;
    taken.close();
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('--port');
  });
});
