/** The menu entry that a package brings, and the windows that a desktop is to put under it. */
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryOf, type LinuxPackages, linuxPackages } from '../build/linux-packages.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';
import { visibleClasses } from './x11.ts';

const WAIT = { timeout: 60_000 };
const why = lacking();

describe.skipIf(why !== null)(
  `the menu entry of the packaged app${why === null ? '' : ` (${why})`}`,
  { timeout: 120_000 },
  () => {
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let running: RunningApp;
    let packages: LinuxPackages;

    beforeAll(async () => {
      folder = temporaryFolder();
      const [program, desktop] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
      session = desktop;
      packages = await linuxPackages(join(folder.path, 'packages'));
      running = await startApp(program, { ...session.env, QUIPU_DATA_DIR: join(folder.path, 'data') });
      await running.page.getByTestId('first-run').waitFor(WAIT);
    }, 300_000);

    afterAll(async () => {
      running.app.process().kill('SIGKILL');
      await running.ended;
      await session.stop();
      folder.remove();
    });

    const classes = async (): Promise<readonly string[]> => {
      const seen = await visibleClasses(session.env['DISPLAY'] ?? '');
      // Some desktops compare with the one name, some with the other and without regard to case.
      expect(seen.map((each) => each.class.toLowerCase())).toEqual(seen.map(({ instance }) => instance));
      return seen.map(({ instance }) => instance);
    };

    it('has the class of its windows, so that they are shown under its icon', async () => {
      const entries = [packages.deb.entry, packages.rpm.entry, packages.appImage].map(entryOf);
      const named = entries.map((entry) => entry['StartupWMClass'] ?? '');
      expect(new Set(named).size).toBe(1);
      await expect.poll(classes, WAIT).toEqual([named[0]]);
    });

    it('has the name under which Wayland knows the windows', async () => {
      const name = await running.app.evaluate(() => process.env['CHROME_DESKTOP'] ?? '');
      const installed = packages.deb.args.flatMap((arg) => /=(.*\.desktop)$/.exec(arg)?.[1] ?? []);
      expect(installed.map((path) => basename(path))).toEqual([name]);
    });
  },
);
