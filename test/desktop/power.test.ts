/** The packaged app keeps the computer awake while it records, on mains, and is asked to. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

/** The app looks at the adapter every 30 s at the least. */
const WAIT = { timeout: 90_000 };
const SUPPLIES = '/sys/class/power_supply';

/** The kernel's folder of power supplies can be another for one process. */
const canMount = (): boolean =>
  spawnSync('unshare', ['-m', 'mount', '--bind', SUPPLIES, SUPPLIES], { stdio: 'ignore' }).status === 0;
const why = lacking() ?? (canMount() ? null : 'lacking the right to mount');

describe.skipIf(why !== null)(`the power${why === null ? '' : ` (${why})`}`, { timeout: 300_000 }, () => {
  let folder: TemporaryFolder;
  let session: DesktopSession;
  let app: RunningApp | null = null;
  let supplies: string;
  let program: string;

  const plug = (isIn: boolean): void => writeFileSync(join(supplies, 'AC', 'online'), isIn ? '1\n' : '0\n');

  beforeAll(async () => {
    folder = temporaryFolder();
    supplies = join(folder.path, 'supplies');
    for (const [name, type] of [
      ['AC', 'Mains'],
      ['BAT0', 'Battery'],
    ] as const) {
      mkdirSync(join(supplies, name), { recursive: true });
      writeFileSync(join(supplies, name, 'type'), `${type}\n`);
    }
    writeFileSync(join(supplies, 'BAT0', 'status'), 'Discharging\n');
    plug(true);
    let packaged: string;
    [packaged, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
    program = join(folder.path, 'quipu-on-supplies');
    const script = `mount --bind '${supplies}' '${SUPPLIES}' && exec '${packaged}' "$@"`;
    writeFileSync(program, `#!/bin/sh\nexec unshare -m sh -c '${script.replaceAll("'", `'\\''`)}' sh "$@"\n`);
    chmodSync(program, 0o755);
  }, 300_000);

  afterAll(async () => {
    if (app !== null) {
      app.app.process().kill('SIGKILL');
      await app.ended;
    }
    await session.stop();
    folder.remove();
  });

  it('is asked of the system and given back with the recording, the adapter and the setting', async () => {
    const env = { ...session.env, XDG_CURRENT_DESKTOP: 'GNOME', QUIPU_DATA_DIR: join(folder.path, 'data') };
    app = await startApp(program, env, ['--demo']);
    const { page } = app;
    const recording = page.getByTestId('recording');
    await expect.poll(() => recording.getAttribute('data-state'), WAIT).toBe('recording');
    expect(await session.inhibitions()).toEqual({ asked: 0, given: 0 });

    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-desktop').click();
    const setting = page.getByTestId('setting-keepAwake');
    await setting.click();
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 1, given: 0 });

    const pause = (): Promise<void> =>
      app?.app.evaluate(({ Menu }) => {
        Menu.getApplicationMenu()?.getMenuItemById('recording.toggle')?.click();
      }) ?? Promise.resolve();
    await pause();
    await expect.poll(() => recording.getAttribute('data-state'), WAIT).toBe('stopped');
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 1, given: 1 });
    await pause();
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 2, given: 1 });

    plug(false);
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 2, given: 2 });
    expect(await recording.getAttribute('data-state')).toBe('recording');
    plug(true);
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 3, given: 2 });

    await setting.click();
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 3, given: 3 });
    await setting.click();
    await expect.poll(() => session.inhibitions(), WAIT).toEqual({ asked: 4, given: 3 });
    app.app.process().kill('SIGTERM');
    expect(await app.ended).toBe(0);
    app = null;
    expect(await session.inhibitions()).toEqual({ asked: 4, given: 4 });
  });
});
