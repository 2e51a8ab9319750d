/**
 * A page that hangs. Chromium looks for that only where no debugger is attached to the page, so this is not
 * Playwright's: the main process alone is asked, by Node's inspector.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

/** Chromium takes its time to call a page hanging. */
const WAIT = { timeout: 90_000, interval: 500 };
const QUESTION = 'This window does not answer';
const why = lacking();

/** In the main process: notes what dialogs ask, and answers them as `answer` says. */
const ANSWERS = `
  globalThis.asked = [];
  globalThis.answer = 0;
  electron.dialog.showMessageBox = (...given) => {
    asked.push(given.at(-1).message);
    return Promise.resolve({ response: answer, checkboxChecked: false });
  };`;
const CONTENTS = 'electron.BrowserWindow.getAllWindows()[0]?.webContents';
/** A hand tries the page. */
const CLICK = `for (const type of ['mouseDown', 'mouseUp'])
    ${CONTENTS}?.sendInputEvent({ type, x: 200, y: 200, button: 'left', clickCount: 1 });`;
/** Whether a page answers that shows trades. */
const SHOWS = `Promise.race([
    ${CONTENTS}.executeJavaScript("document.querySelectorAll('[data-testid=tape-row]').length > 5"),
    new Promise((done) => setTimeout(() => done(false), 1000)),
  ])`;

describe.skipIf(why !== null)(
  `a page that hangs${why === null ? '' : ` (${why})`}`,
  { timeout: 300_000 },
  () => {
    let program: string;
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let app: ChildProcess | null = null;

    beforeAll(async () => {
      folder = temporaryFolder();
      [program, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
    }, 300_000);

    afterAll(async () => {
      app?.kill('SIGKILL');
      await session.stop();
      folder.remove();
    });

    it('is asked about, waited for, and loaded again when that is wanted, while recording goes on', async () => {
      const data = join(folder.path, 'data');
      const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      const child = spawn(program, ['--inspect=0', ...args, '--demo'], {
        env: { ...session.env, QUIPU_DATA_DIR: data },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      app = child;
      const ended = new Promise<number | null>((done) => child.once('exit', done));
      const address = await new Promise<string>((done) => {
        createInterface(child.stderr).on('line', (line) => {
          const [, found] = /Debugger listening on (ws:\S+)/.exec(line) ?? [];
          if (found !== undefined) done(found);
        });
      });
      const inspector = new WebSocket(address);
      await new Promise((done, failed) => inspector.once('open', done).once('error', failed));
      let lastId = 0;
      const evaluate = (code: string): Promise<unknown> =>
        new Promise((done) => {
          const id = ++lastId;
          const take = (text: WebSocket.RawData): void => {
            const reply = JSON.parse((text as Buffer).toString('utf8')) as {
              id?: number;
              result?: { result: { value?: unknown } };
            };
            if (reply.id !== id) return;
            inspector.off('message', take);
            done(reply.result?.result.value);
          };
          inspector.on('message', take);
          const expression = `(async () => { const electron = process.mainModule.require('electron'); ${code} })()`;
          const params = { expression, awaitPromise: true, returnByValue: true };
          inspector.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }));
        });
      const shows = (): Promise<unknown> => evaluate(`return ${CONTENTS} === undefined ? false : ${SHOWS};`);
      const pid = (): Promise<unknown> => evaluate(`return ${CONTENTS}.getOSProcessId();`);
      const recorded = async (): Promise<{ state: string; trades: number; gaps: number }[]> => {
        const { stdout } = await quipu(['sessions', '--json', '--data-dir', join(data, 'demo')]).ended;
        return JSON.parse(stdout) as { state: string; trades: number; gaps: number }[];
      };
      const isGrowing = async (): Promise<void> => {
        const before = (await recorded())[0]?.trades ?? 0;
        await expect.poll(async () => (await recorded())[0]?.trades ?? 0, WAIT).toBeGreaterThan(before + 20);
      };
      const isAsked = async (times: number): Promise<boolean> =>
        (await evaluate(
          `${CLICK} return asked.filter((each) => each === '${QUESTION}').length >= ${times};`,
        )) === true;

      await expect.poll(shows, WAIT).toBe(true);
      await evaluate(ANSWERS);
      const hanging = await pid();
      await evaluate(`void ${CONTENTS}.executeJavaScript('for (;;);');`);
      await expect.poll(() => isAsked(1), WAIT).toBe(true);
      // It was told to wait.
      await isGrowing();
      expect(await pid()).toBe(hanging);
      await evaluate('globalThis.answer = 1;');
      await expect.poll(() => isAsked(2), WAIT).toBe(true);
      await expect.poll(shows, WAIT).toBe(true);
      expect(await pid()).not.toBe(hanging);
      await isGrowing();
      inspector.close();
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(await recorded()).toMatchObject([{ state: 'ended', gaps: 0 }]);
    });
  },
);
