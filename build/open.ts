/** Opens the built app: in Electron, or on loopback where that cannot be. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { serve } from '../main/headless/commands/serve.ts';
import { exitCodeOf, lineOf } from '../main/headless/exit.ts';
import { bundleAll } from './bundle.ts';
import { findElectron, noScreen } from './electron.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** An Electron that fails this early could not start at all: a missing library, a forbidden sandbox. */
const EARLY_MS = 10_000;

const HELP = `Usage: npm start [-- --demo]

Builds and opens Quipu. Without Electron or a screen the same app is served on loopback.

  --demo  goes straight to the demo feed
`;

/** @returns the exit code */
export async function start(args: readonly string[]): Promise<number> {
  const unknown = args.find((each) => each !== '--demo' && each !== '--help');
  if (unknown !== undefined) {
    process.stderr.write(`${unknown} is no option of npm start. ${HELP}`);
    return 2;
  }
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  await bundleAll();
  const why = noScreen() ?? (await runElectron(args));
  if (typeof why === 'number') return why;
  process.stderr.write(`No window can be opened: ${why}. Open this address in a browser of this computer:\n`);
  try {
    return await serve.run(args);
  } catch (error) {
    process.stderr.write(`${lineOf(error)}\n`);
    return exitCodeOf(error);
  }
}

/** @returns the app's exit code, or why there is no app */
async function runElectron(args: readonly string[]): Promise<number | string> {
  const electron = await findElectron();
  if ('lacking' in electron) return electron.lacking;
  const begun = performance.now();
  return new Promise((done) => {
    const child = spawn(electron.path, [ROOT, ...args], { stdio: 'inherit' });
    // The terminal sends Ctrl-C to both; Electron ends, and then this does.
    const wait = (): void => undefined;
    const pass = (): void => void child.kill('SIGTERM');
    process.on('SIGINT', wait);
    process.on('SIGTERM', pass);
    child.on('error', (error) => done(`Electron could not be started (${error.message})`));
    child.on('exit', (code, signal) => {
      process.off('SIGINT', wait);
      process.off('SIGTERM', pass);
      const asked = signal === 'SIGINT' || signal === 'SIGTERM';
      if (code === 0 || asked) done(0);
      else if (performance.now() - begun < EARLY_MS)
        done(`Electron ended at once (${signal ?? `exit code ${code}`})`);
      else done(code ?? 1);
    });
  });
}
