/**
 * The packaged app and a feed of updates: electron-updater, Chromium's network and TLS, and
 * notifications are real; the buttons of dialogs are pressed by the test.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../faults/certificates.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';
import { type FeedOptions, NEW_APP, NEWS, startUpdateFeed, type UpdateFeed } from './update-feed.ts';

const WAIT = { timeout: 60_000 };
const why = lacking();
const NEW = '9.8.7';
const PACKAGE = `Quipu-${NEW}-linux-x86_64.AppImage`;
/** Of the feed's files the list, once or again as the app looks by itself, and no package. */
const LIST_ALONE = new Set(['latest-linux.yml']);
/** The buttons of the question, in their order. */
const [YES, LATER] = [0, 1];

interface Dialog {
  readonly message: string;
  readonly detail: string;
  readonly buttons: readonly string[];
}

describe.skipIf(why !== null)(
  `updates of the packaged app${why === null ? '' : ` (${why})`}`,
  { timeout: 120_000 },
  () => {
    let program: string;
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let certificates: Certificates;
    let running: RunningApp | null = null;
    let feed: UpdateFeed | null = null;

    beforeAll(async () => {
      folder = temporaryFolder();
      certificates = makeCertificates();
      [program, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
    }, 300_000);

    afterEach(async () => {
      if (running !== null) {
        running.app.process().kill('SIGKILL');
        await running.ended;
        running = null;
      }
      await feed?.close();
      feed = null;
    });

    afterAll(async () => {
      await session.stop();
      folder.remove();
    });

    async function startFeed(options: Partial<FeedOptions> = {}): Promise<UpdateFeed> {
      feed = await startUpdateFeed({ certificate: certificates.good, version: NEW, ...options });
      return feed;
    }

    interface Start {
      readonly env?: Readonly<Record<string, string>>;
      /** The button that is pressed in every dialog. */
      readonly answer?: number;
      /** Whether the feed's certificate is as one of an authority that the system knows. */
      readonly trusts?: boolean;
    }

    /** @param name of the data folder */
    async function start(
      name: string,
      url: string,
      { env = {}, answer = LATER, trusts = true }: Start = {},
    ): Promise<RunningApp> {
      const data = join(folder.path, name);
      const own = { ...session.env, QUIPU_DATA_DIR: data, ...(url !== '' && { QUIPU_UPDATE_URL: url }) };
      const app = await startApp(program, { ...own, ...env });
      running = app;
      await app.app.evaluate(
        ({ dialog, session: sessions }, { pressed, isTrusted }) => {
          const dialogs: unknown[] = [];
          Object.assign(globalThis, { dialogs });
          const show = (...given: unknown[]): Promise<unknown> => {
            dialogs.push(given.at(-1));
            return Promise.resolve({ response: pressed, checkboxChecked: false });
          };
          Object.assign(dialog, { showMessageBox: show });
          const net = sessions.fromPartition('electron-updater', { cache: false });
          if (isTrusted) net.setCertificateVerifyProc((_request, decide) => decide(0));
        },
        { pressed: answer, isTrusted: trusts },
      );
      await app.page.getByTestId('first-run').waitFor(WAIT);
      return app;
    }

    /** What the environment of an AppImage says, whose file lies in a folder of its own. */
    function appImage(name: string): {
      readonly file: string;
      readonly env: Readonly<Record<string, string>>;
    } {
      const place = join(folder.path, `place-${name}`);
      mkdirSync(place);
      const file = join(place, 'Quipu-0.1.0-linux-x86_64.AppImage');
      writeFileSync(file, 'old', { mode: 0o755 });
      // electron-updater's own folder, so that no test finds what another downloaded.
      const cache = { XDG_CACHE_HOME: join(folder.path, `cache-${name}`) };
      return { file, env: { APPIMAGE: file, APPDIR: dirname(program), ...cache } };
    }

    const downloaded = (name: string): readonly string[] => {
      const pending = join(folder.path, `cache-${name}`, 'quipu-updater', 'pending');
      return existsSync(pending) ? readdirSync(pending) : [];
    };
    const dialogs = ({ app }: RunningApp): Promise<readonly Dialog[]> =>
      app.evaluate(() => (globalThis as unknown as { readonly dialogs: readonly Dialog[] }).dialogs);
    const messages = async (app: RunningApp): Promise<readonly string[]> =>
      (await dialogs(app)).map(({ message }) => message);
    const check = ({ app }: RunningApp): Promise<void> =>
      app.evaluate(({ Menu }) => void Menu.getApplicationMenu()?.getMenuItemById('updates.check')?.click());
    /** Waits for the notification and clicks on it. @param after how many were there before */
    async function click(after: number, title: string): Promise<void> {
      const found = async (): Promise<number | undefined> =>
        (await session.notifications()).slice(after).find((each) => each.title === title)?.id;
      await expect.poll(found, WAIT).toBeDefined();
      await session.clickNotification((await found()) ?? 0);
    }
    const kept = (name: string): unknown =>
      JSON.parse(readFileSync(join(folder.path, name, 'updates.json'), 'utf8')) as unknown;
    const log = (name: string): string => readFileSync(join(folder.path, name, 'logs', 'quipu.log'), 'utf8');

    async function quit(app: RunningApp): Promise<void> {
      // The app ends before it can answer.
      await app.app.evaluate(({ app: own }) => own.quit()).catch(() => undefined);
      expect(await app.ended).toBe(0);
      running = null;
    }

    it('an AppImage tells of a newer one and its news, downloads it at a yes, and is that one after the end', async () => {
      const { url, asked, headers } = await startFeed();
      const { file, env } = appImage('yes');
      const before = (await session.notifications()).length;
      const app = await start('yes', url, { env, answer: YES });
      await click(before, `Quipu ${NEW} is there`);
      await click(before, `Quipu ${NEW} is ready`);
      await expect
        .poll(() => messages(app), WAIT)
        .toEqual([`Quipu ${NEW} is there`, `Quipu ${NEW} is ready`]);
      const [question] = await dialogs(app);
      expect(question?.detail).toContain('You have 0.1.0.');
      // The feed's words as they are, none of them obeyed.
      expect(question?.detail).toContain(NEWS);
      expect(question?.buttons).toEqual(['Download', 'Later', 'Skip this version']);
      expect(asked[0]).toBe('latest-linux.yml');
      expect(asked).toContain(PACKAGE);
      expect(headers.flatMap((each) => Object.keys(each))).not.toContain('x-user-staging-id');
      // Nothing is touched while it runs.
      expect(readFileSync(file, 'utf8')).toBe('old');
      expect(downloaded('yes')).toContain(PACKAGE);
      expect(kept('yes')).toMatchObject({ expected: NEW });

      await quit(app);
      expect(readFileSync(file, 'utf8')).toBe(NEW_APP);
      expect(statSync(file).mode & 0o777).toBe(0o755);
      // It has the name that menus and the start at log-in know, nothing lies beside it, and it was not run.
      expect(readdirSync(dirname(file))).toEqual(['Quipu-0.1.0-linux-x86_64.AppImage']);
      expect(downloaded('yes')).not.toContain(PACKAGE);
      expect(kept('yes')).toMatchObject({ expected: NEW, failure: null });
    });

    it('without a yes nothing is downloaded', async () => {
      const { url, asked } = await startFeed();
      const { file, env } = appImage('later');
      const app = await start('later', url, { env, answer: LATER });
      await check(app);
      await expect.poll(() => kept('later'), WAIT).toMatchObject({ asked: { version: NEW }, expected: null });
      await quit(app);
      expect(new Set(asked)).toEqual(LIST_ALONE);
      expect(readFileSync(file, 'utf8')).toBe('old');
    });

    it('what is not what the feed promised is thrown away, and said', async () => {
      // As long as what was promised, so that only its sha512 tells.
      const { url, asked } = await startFeed({ arrives: NEW_APP.replace('touch', 'chmod') });
      const { file, env } = appImage('damaged');
      const app = await start('damaged', url, { env, answer: YES });
      await check(app);
      await expect
        .poll(() => messages(app), WAIT)
        .toEqual([
          `Quipu ${NEW} is there`,
          'What was downloaded is not what the feed of updates promised, and was thrown away.',
        ]);
      expect(asked).toContain(PACKAGE);
      expect(downloaded('damaged')).toEqual([]);
      await quit(app);
      expect(readFileSync(file, 'utf8')).toBe('old');
      expect(readdirSync(dirname(file))).toHaveLength(1);
      expect(kept('damaged')).toMatchObject({ expected: null });
    });

    it.each([
      ['changed', 'is not what the feed of updates promised, and was thrown away'],
      ['removed', 'is not there any more'],
    ])(
      'what is %s between download and end is not installed, and the next start says why',
      async (what, why) => {
        const { url } = await startFeed();
        const { file, env } = appImage(what);
        const app = await start(what, url, { env, answer: YES });
        await check(app);
        await expect.poll(() => kept(what), WAIT).toMatchObject({ expected: NEW });
        const arrived = join(folder.path, `cache-${what}`, 'quipu-updater', 'pending', PACKAGE);
        if (what === 'changed') writeFileSync(arrived, NEW_APP.replace('touch', 'chmod'));
        else rmSync(arrived);
        await quit(app);
        expect(readFileSync(file, 'utf8')).toBe('old');
        expect(readdirSync(dirname(file))).toHaveLength(1);

        const before = (await session.notifications()).length;
        const next = await start(what, '', { env });
        await click(before, `Quipu ${NEW} was not installed`);
        await expect.poll(async () => (await dialogs(next))[0]?.detail, WAIT).toContain(why);
        expect((await dialogs(next))[0]?.detail).toContain('This is still 0.1.0.');
        await quit(next);
        expect(log(what)).toContain('an update was not installed');
      },
    );

    it.each([
      ['nothing for an AppImage', { file: `quipu_${NEW}_amd64.deb` }, 'has nothing for this system'],
      ['no sha512', { isChecked: false }, 'does not say how to check what it offers'],
    ])('a feed with %s is refused before anything is downloaded', async (name, options, words) => {
      const { url, asked } = await startFeed(options);
      const { env } = appImage(name);
      const app = await start(name, url, { env, answer: YES });
      await check(app);
      await expect.poll(() => messages(app), WAIT).toEqual([expect.stringContaining(words)]);
      await quit(app);
      expect(new Set(asked)).toEqual(LIST_ALONE);
    });

    it.each(['0.0.9', '0.1.0'])('a feed that has %s is no reason to change anything', async (version) => {
      const { url, asked } = await startFeed({ version });
      const { env } = appImage(version);
      const app = await start(version, url, { env, answer: YES });
      await check(app);
      await expect.poll(() => messages(app), WAIT).toEqual(['Quipu is up to date']);
      await quit(app);
      expect(new Set(asked)).toEqual(LIST_ALONE);
    });

    it('the first start of the newer one says what it brought', async () => {
      const data = join(folder.path, 'arrived');
      mkdirSync(data);
      writeFileSync(join(data, 'updates.json'), JSON.stringify({ expected: '0.1.0', ran: '0.0.9' }));
      const before = (await session.notifications()).length;
      const app = await start('arrived', '');
      await click(before, 'Quipu is now 0.1.0');
      await expect.poll(() => messages(app), WAIT).toEqual(['What is new in Quipu 0.1.0']);
      const [news] = await dialogs(app);
      const [first = ''] = news?.detail.split('\n') ?? [];
      expect(first).not.toBe('');
      expect(readFileSync(join(dirname(program), 'resources', 'CHANGELOG.md'), 'utf8')).toContain(first);
      await quit(app);
      expect(kept('arrived')).toMatchObject({ expected: null, ran: '0.1.0' });
    });

    it('a copy that was unpacked tells where the newer one is, and replaces nothing', async () => {
      const { url, asked } = await startFeed();
      const { file, env } = appImage('unpacked');
      // As in a terminal that is an AppImage of something else.
      const inherited = { ...env, APPDIR: folder.path };
      const app = await start('unpacked', url, { env: inherited, answer: YES });
      await check(app);
      await expect.poll(() => app.app.evaluate(({ clipboard }) => clipboard.readText()), WAIT).toBe(url);
      expect((await dialogs(app))[0]?.buttons).toEqual(['Copy address', 'Later', 'Skip this version']);
      await quit(app);
      expect(new Set(asked)).toEqual(LIST_ALONE);
      expect(readFileSync(file, 'utf8')).toBe('old');
    });

    it('believes no feed that does not prove who it is', async () => {
      const { url, asked } = await startFeed({ certificate: certificates.selfSigned });
      const app = await start('stranger', url, { trusts: false });
      await expect.poll(() => log('stranger'), WAIT).toContain('does not prove who it is');
      await quit(app);
      expect(asked).toEqual([]);
    });

    it('follows a feed to no address that is not encrypted', async () => {
      const reached: string[] = [];
      const open = createServer((request, response) => {
        reached.push(request.url ?? '');
        response.end(`version: ${NEW}\n`);
      });
      await new Promise<void>((done) => open.listen(0, '127.0.0.1', done));
      const { port } = open.address() as AddressInfo;
      try {
        const { url } = await startFeed({ moved: `http://127.0.0.1:${port}/latest-linux.yml` });
        const app = await start('moved', url);
        await expect.poll(() => log('moved'), WAIT).toContain('not encrypted');
        await quit(app);
        expect(reached).toEqual([]);
      } finally {
        open.closeAllConnections();
        open.close();
      }
    });

    it('is off for an address that is not encrypted, and says so in the log', async () => {
      const app = await start('open', 'http://127.0.0.1:1');
      await expect.poll(() => log('open'), WAIT).toContain('updates are off: QUIPU_UPDATE_URL must be');
      await quit(app);
    });
  },
);
