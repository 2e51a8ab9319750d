/** `quipu serve`: the browser host. */
import { fileURLToPath } from 'node:url';
import { createCore } from '../../core/core.ts';
import { QuipuError, toAppError } from '../../core/result.ts';
import { type Command, noPositionals, portOption, readArgs } from '../command.ts';
import { environmentKey, feedAddresses } from '../../core/environment.ts';
import { dialectOption } from '../dialect-option.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK } from '../exit.ts';
import { startHost } from '../host.ts';
import { nodePorts, openingProgress } from '../ports.ts';
import { ended } from '../signals.ts';
import { appVersion } from '../version.ts';

const RENDERER = new URL('../../../out/renderer/', import.meta.url);
const BUNDLER = new URL('../../../build/bundle.ts', import.meta.url);

export const serve: Command = {
  help: `Usage: quipu serve [--port P] [--data-dir D] [--dialect F] [--demo] [--json]

The app in a browser of this computer. The first line on stdout is the address to open; the token in it
lets that browser in, so share it with nobody. Runs until it is interrupted.

  --port P      port on 127.0.0.1; any free one without it
  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --dialect F   a dialect document for this run (else QUIPU_DIALECT, else the one set under Settings)
  --demo        starts with the demo feed
  --json        the first line is {"address", "port"}
`,
  async run(args) {
    const { values, positionals } = readArgs('serve', args, {
      port: { type: 'string' },
      'data-dir': { type: 'string' },
      dialect: { type: 'string' },
      demo: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    noPositionals('serve', positionals);
    const port = portOption(values.port);
    const folder = folderOption(values['data-dir']);
    const dialect = dialectOption(values.dialect);
    const stop = ended();
    await needRenderer();
    const ports = nodePorts();
    const core = await createCore({
      host: 'browser',
      version: appVersion(),
      folder,
      addresses: feedAddresses(),
      dialect,
      environmentKey: environmentKey(),
      ports,
      progress: openingProgress(),
    });
    try {
      const host = await startHost({ core, port, folder: fileURLToPath(RENDERER), logger: ports.logger });
      try {
        const first =
          values.json === true ? JSON.stringify({ address: host.address, port: host.port }) : host.address;
        process.stdout.write(`${first}\n`);
        // What goes wrong here is on the screen too, where it can be put right.
        await (values.demo === true ? core.start('demo') : core.resume()).catch((error: unknown) => {
          ports.logger.log('error', 'the feed could not be started', { ...toAppError(error) });
        });
        await stop;
      } finally {
        await host.close();
      }
    } finally {
      await core.close();
    }
    return EXIT_OK;
  },
};

/** Builds the screens when they are not there or stale. By address, since the build depends on this room. */
async function needRenderer(): Promise<void> {
  try {
    const bundler = (await import(BUNDLER.href)) as { bundleRenderer(): Promise<void> };
    await bundler.bundleRenderer();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new QuipuError(
      'internal',
      `The screens could not be built (${words}).`,
      'Run `npm ci`, then `npm run build`.',
    );
  }
}
