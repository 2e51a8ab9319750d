/** The packaged app and a feed of updates: electron-updater, Chromium's network and TLS are real. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../faults/certificates.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';
import { type FeedOptions, startUpdateFeed, type UpdateFeed } from './update-feed.ts';

const WAIT = { timeout: 30_000 };
const why = lacking();
const NEW = '9.8.7';

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

    /** @param trusts the feed's certificate, which stands for one of an authority that the system knows */
    async function start(name: string, url: string, trusts: boolean): Promise<RunningApp> {
      const env = { ...session.env, QUIPU_DATA_DIR: join(folder.path, name), QUIPU_UPDATE_URL: url };
      running = await startApp(program, env);
      await running.app.evaluate(({ session: sessions }, isTrusted) => {
        const own = sessions.fromPartition('electron-updater', { cache: false });
        if (isTrusted) own.setCertificateVerifyProc((_request, decide) => decide(0));
      }, trusts);
      return running;
    }

    const log = (name: string): string => readFileSync(join(folder.path, name, 'logs', 'quipu.log'), 'utf8');

    async function quit(app: RunningApp): Promise<void> {
      // The app ends before it can answer.
      await app.app.evaluate(({ app: own }) => own.quit()).catch(() => undefined);
      expect(await app.ended).toBe(0);
      running = null;
    }

    it('believes no feed that does not prove who it is', async () => {
      const { url, asked } = await startFeed({ certificate: certificates.selfSigned });
      const app = await start('stranger', url, false);
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
        const app = await start('moved', url, true);
        await expect.poll(() => log('moved'), WAIT).toContain('not encrypted');
        await quit(app);
        expect(reached).toEqual([]);
      } finally {
        open.closeAllConnections();
        open.close();
      }
    });

    it('is off for an address that is not encrypted, and says so in the log', async () => {
      const app = await start('open', 'http://127.0.0.1:1', false);
      await expect.poll(() => log('open'), WAIT).toContain('updates are off: QUIPU_UPDATE_URL must be');
      await quit(app);
    });
  },
);
