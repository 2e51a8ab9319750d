/** What the packaged app lets its page, and others, do: by rows of docs/security.md. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfiguration } from '../../build/configuration.ts';
import { FUSES } from '../../build/fuses.ts';
import { DOCUMENTATION_HOSTS, isDocumentation } from '../../main/shell/documentation.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 30_000 };
const why = lacking();

const ROOT = resolve(import.meta.dirname, '..', '..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Of “rows 2 to 6 and 20”: 2, 3, 4, 5, 6, 20. */
function rowsIn(words: string): number[] {
  return [...words.matchAll(/(\d+)(?: to (\d+))?/g)].flatMap(([, from, to]) => {
    const [first, last] = [Number(from), Number(to ?? from)];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

describe('docs/security.md', () => {
  const text = textOf('docs/security.md');
  const rows = text.split('\n').flatMap((line) => {
    const [, number, , met = '', shown = ''] = line.split('|').map((cell) => cell.trim());
    return /^\d+$/.test(number ?? '') ? [{ number: Number(number), met, shown }] : [];
  });
  const paths = [
    ...text.matchAll(/`((?:main|preload|renderer|build|test|docs)\/[^`]*|[\w-]+\.(?:yml|json))`/g),
  ].map(([, path]) => path ?? '');

  it('has every row of Electron’s checklist, and says how each is met', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(rows.filter(({ met, shown }) => met === '' || shown === '')).toEqual([]);
  });

  it('names files that are there', () => {
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    const inFiles = [...text.matchAll(/`(\w+)` in `([^`]+)`/g)];
    expect(inFiles.length).toBeGreaterThan(1);
    for (const [words, name = '', path = ''] of inFiles) expect(textOf(path), words).toContain(name);
  });

  it('names tests that are there', () => {
    // Each is named by its title, by rows, which titles begin with, or by its file alone.
    const named = rows.flatMap(({ shown }) =>
      [...shown.matchAll(/`(test\/[^`]+\.ts)`(?:, (?:“([^”]+)”|rows? ([^;]+)))?/g)].map(
        ([, path = '', title, numbers]) => ({ path, title, numbers }),
      ),
    );
    expect(named.filter(({ title }) => title !== undefined).length).toBeGreaterThan(2);
    expect(named.filter(({ numbers }) => numbers !== undefined).length).toBeGreaterThan(5);
    for (const { path, title, numbers } of named) {
      const source = textOf(path);
      const titles = [...source.matchAll(/'([^'\n]+)'/g)].map(([, words = '']) => words);
      if (title !== undefined) expect(titles, path).toContainEqual(expect.stringContaining(title) as string);
      const shown = [...source.matchAll(/\bit\('rows? ([^:]+):/g)].flatMap(([, words]) =>
        rowsIn(words ?? ''),
      );
      if (numbers !== undefined) expect(shown, path).toEqual(expect.arrayContaining(rowsIn(numbers)));
    }
  });

  it('shows each row by a test that is there, or says why by none', () => {
    const named = (index: number): string => {
      const shown = rows[index]?.shown ?? '';
      return shown === 'the same' && index > 0 ? named(index - 1) : shown;
    };
    const without = rows.filter((_, index) => !/`test\/[^`]+\.test\.ts`|^no test: ./.test(named(index)));
    expect(without).toEqual([]);
  });

  it('says of every fuse what electron-builder.yml says', async () => {
    const { electronFuses } = await loadConfiguration();
    const [, off, on] = /Off: (.*) On: ([^.]*)\./.exec(rows[18]?.met ?? '') ?? [];
    const fusesIn = (words = ''): readonly string[] => FUSES.filter((fuse) => words.includes(`\`${fuse}\``));
    expect(fusesIn(off)).toEqual(FUSES.filter((fuse) => electronFuses?.[fuse] === false));
    expect(fusesIn(on)).toEqual(FUSES.filter((fuse) => electronFuses?.[fuse] === true));
  });
});

describe('documentation', () => {
  it('is opened of the hosts on the list', () => {
    for (const host of DOCUMENTATION_HOSTS) expect(isDocumentation(`https://${host}/a?b#c`)).toBe(true);
  });

  it.each([
    ...['http://inca.digital/', 'https://inca.digital.evil.example/', 'https://evil.example/inca.digital'],
    ...['https://inca.digital@evil.example/', 'https://user@inca.digital/', 'https://:x@inca.digital/'],
    ...['https://inca.digital:8443/', 'https://docs.evil-inca.digital/', 'https://xinca.digital/'],
    ...[
      'file:///etc/passwd',
      'javascript:alert(1)',
      'data:text/html,x',
      'ms-msdt:/id',
      'smb://inca.digital/',
    ],
    ...['app://quipu/', 'https:/\\evil.example', '//inca.digital', 'inca.digital', '', 'https://'],
  ])('%s is not', (address) => {
    expect(isDocumentation(address)).toBe(false);
  });
});

describe.skipIf(why !== null)(
  `the packaged app${why === null ? '' : ` (${why})`}`,
  { timeout: 120_000 },
  () => {
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let running: RunningApp;

    beforeAll(async () => {
      folder = temporaryFolder();
      const [program, desktop] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
      session = desktop;
      running = await startApp(program, { ...session.env, QUIPU_DATA_DIR: join(folder.path, 'data') });
      await running.page.getByTestId('first-run').waitFor(WAIT);
    }, 300_000);

    afterAll(async () => {
      running.app.process().kill('SIGKILL');
      await running.ended;
      await session.stop();
      folder.remove();
    });

    it('rows 2 to 6, 8 to 12: the window’s preferences', async () => {
      const seen = await running.app.evaluate(({ BrowserWindow }) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
          getLastWebPreferences(): Record<string, unknown>;
        };
        return contents.getLastWebPreferences();
      });
      expect(seen).toMatchObject({
        ...{ sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true },
      });
      const off = [
        'allowRunningInsecureContent',
        'experimentalFeatures',
        'webviewTag',
        'nodeIntegrationInWorker',
      ];
      for (const name of [...off, 'nodeIntegrationInSubFrames', 'plugins', 'enableBlinkFeatures'])
        expect(Boolean(seen[name]), name).toBe(false);
    });

    it('row 7: the headers of the page', async () => {
      const headers = (await running.page.reload())?.headers() ?? {};
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
      await running.page.getByTestId('first-run').waitFor(WAIT);
    });

    it('row 7: the policy stops inline scripts, styles, eval and strangers', async () => {
      const seen = await running.page.evaluate(`(async () => {
      const stopped = [];
      document.addEventListener('securitypolicyviolation', (event) => stopped.push(event.effectiveDirective));
      const tries = [
        () => Object.assign(document.createElement('script'), { textContent: 'globalThis.ran = 1' }),
        () => Object.assign(document.createElement('script'), { src: 'https://example.com/x.js' }),
        () => Object.assign(document.createElement('style'), { textContent: 'body { color: red }' }),
        () => Object.assign(document.createElement('iframe'), { src: 'https://example.com/' }),
        () => Object.assign(document.createElement('img'), { src: 'https://example.com/x.png' }),
        () => Object.assign(document.createElement('div'), { innerHTML: '<img src=x onerror="ran = 1">' }),
      ];
      for (const make of tries) {
        try {
          document.body.append(make());
        } catch (error) {
          stopped.push(error.name);
        }
      }
      // Later, since what a debugger calls may use eval whatever the policy is.
      setTimeout(() => {
        try {
          globalThis.eval('ran = 1');
        } catch (error) {
          stopped.push('eval: ' + error.name);
        }
      });
      await fetch('https://example.com/').catch(() => stopped.push('fetch'));
      // They are told when the browser's process has answered.
      const wanted = ['connect-src', 'fetch', 'frame-src', 'img-src', 'style-src-elem', 'eval: EvalError'];
      for (let n = 0; n < 200 && !wanted.every((each) => stopped.includes(each)); n++)
        await new Promise((done) => setTimeout(done, 50));
      return { stopped: [...new Set(stopped)].sort(), ran: 'ran' in globalThis };
    })()`);
      const { stopped, ran } = seen as { stopped: string[]; ran: boolean };
      expect(ran).toBe(false);
      expect(stopped).toEqual(
        expect.arrayContaining([
          'connect-src',
          'fetch',
          'frame-src',
          'img-src',
          'style-src-elem',
          'eval: EvalError',
          'TypeError',
        ]),
      );
    });

    it('row 18: the scheme serves the page’s files and nothing else', async () => {
      const status = (address: string): Promise<number | string> =>
        running.app.evaluate(async ({ BrowserWindow }, address) => {
          const window = new BrowserWindow({ show: false });
          const told = new Promise<number | string>((done) => {
            window.webContents.on('did-navigate', (_event, _url, code) => done(code));
            window.webContents.on('did-fail-load', (_event, _code, words) => done(words));
          });
          window.loadURL(address).catch(() => undefined);
          const code = await told;
          window.destroy();
          return code;
        }, address);
      expect(await status('app://quipu/index.html')).toBe(200);
      const outside = [
        ...[
          'app://quipu/../package.json',
          'app://quipu/..%2f..%2fpackage.json',
          'app://quipu/%2e%2e/main/main.cjs',
        ],
        ...['app://quipu/..%5c..%5cpackage.json', 'app://quipu//etc/passwd', 'app://quipu/%2fetc%2fpasswd'],
        ...['app://other/index.html', 'app://quipu.evil/index.html', 'app://quipu/.made-from'],
        ...['app://quipu/index.html%00.js', 'app://quipu/file:///etc/passwd', 'app://quipu/%zz'],
      ];
      for (const address of outside) expect(await status(address), address).not.toBe(200);
    });

    it('rows 11 to 14: no webview, no other window, no other page', async () => {
      const before = await running.app.evaluate(({ webContents }) => webContents.getAllWebContents().length);
      const opened = await running.page.evaluate(`(() => {
      const view = document.createElement('webview');
      view.setAttribute('src', 'https://example.com/');
      view.setAttribute('allowpopups', '');
      document.body.append(view);
      const windows = ['https://example.com/', 'about:blank', 'app://quipu/index.html', 'file:///etc/passwd'];
      return windows.map((url) => window.open(url) !== null);
    })()`);
      expect(opened).toEqual([false, false, false, false]);
      expect(await running.app.evaluate(({ webContents }) => webContents.getAllWebContents().length)).toBe(
        before,
      );
      expect(running.page.url()).toBe('app://quipu/index.html');
    });

    it('row 15: of what the page opens, documentation alone goes to the system’s browser', async () => {
      await running.app.evaluate(({ shell }) => {
        const asked: string[] = [];
        Object.assign(globalThis, { asked });
        shell.openExternal = (url: string) => {
          asked.push(url);
          return Promise.resolve();
        };
      });
      await running.page.evaluate(`for (const url of ['https://inca.digital/docs', 'http://inca.digital/',
      'https://evil.example/', 'file:///etc/passwd', 'ms-msdt:x', 'https://inca.digital@evil.example/']) window.open(url)`);
      const asked = (): Promise<unknown> =>
        running.app.evaluate(() => (globalThis as unknown as { asked: unknown }).asked);
      await expect.poll(asked, WAIT).toEqual(['https://inca.digital/docs']);
    });

    it('row 17: a port goes to the window’s own main frame on the app’s own page, and to nobody else', async () => {
      const given = await running.app.evaluate(async ({ BrowserWindow, ipcMain }) => {
        const [window] = BrowserWindow.getAllWindows();
        if (window === undefined) throw new Error('no window');
        const { webContents } = window;
        const { mainFrame } = webContents;
        const other = new BrowserWindow({ show: false });
        let ports = 0;
        const post = webContents.postMessage.bind(webContents);
        webContents.postMessage = (...args: Parameters<typeof post>) => {
          ports++;
          post(...args);
        };
        const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 300));
        const foreign = [
          { sender: other.webContents, senderFrame: other.webContents.mainFrame },
          { sender: other.webContents, senderFrame: mainFrame },
          { sender: webContents, senderFrame: null },
          { sender: webContents, senderFrame: other.webContents.mainFrame },
          { sender: webContents, senderFrame: { url: mainFrame.url } },
        ];
        // Whoever it comes from, it comes to the listeners of its window, or to those of the whole app.
        for (const event of foreign) {
          webContents.ipc.emit('quipu:connect', event);
          ipcMain.emit('quipu:connect', event);
        }
        await settle();
        const toForeign = ports;
        other.destroy();
        webContents.ipc.emit('quipu:connect', { sender: webContents, senderFrame: mainFrame });
        await settle();
        return { toForeign, toOwn: ports - toForeign };
      });
      expect(given).toEqual({ toForeign: 0, toOwn: 1 });
    });

    it('row 20: the page has no more of Electron than that it is there', async () => {
      const seen = await running.page.evaluate(`({
      names: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer', '__dirname', 'global']
        .filter((name) => name in globalThis),
      quipu: JSON.stringify(globalThis.quipu),
    })`);
      expect(seen).toEqual({ names: [], quipu: '{"desktop":true,"platform":"linux"}' });
    });
  },
);
