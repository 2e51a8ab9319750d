/** `quipu demo-feed`: the demo feed as a server of its own. */
import { startDemoFeed } from '../../demo/feed.ts';
import { MAX_LISTED } from '../../demo/listing.ts';
import { DEFAULT_RATE, DEFAULT_SEED, MAX_RATE, MIN_RATE } from '../../demo/options.ts';
import { type Command, noPositionals, numberOption, portOption, readArgs, wholeOption } from '../command.ts';
import { EXIT_OK, UsageError } from '../exit.ts';
import { ended } from '../signals.ts';

const DEFAULT_KEY = 'demo';

export const demoFeed: Command = {
  help: `Usage: quipu demo-feed [--port P] [--seed N] [--rate N] [--key K] [--dictionary-size N]
                       [--trades-file F --market ID [--speed X]]

A local server that speaks the API: both WebSocket endpoints and the dictionaries. It prints the
settings with which Quipu connects to it, and runs until it is interrupted.

  --port P         port on 127.0.0.1; any free one without it
  --seed N         the same seed makes the same markets (${DEFAULT_SEED})
  --rate N         trades a second over all markets, ${MIN_RATE} to ${MAX_RATE} (${DEFAULT_RATE})
  --key K          the key that it accepts (${DEFAULT_KEY}); not for a real key
  --dictionary-size N
                   markets in the dictionary, up to ${MAX_LISTED}; all but a few never trade
  --trades-file F  plays the trades of a CSV (id,timestamp_ms,side,price,size)
  --market ID      as this market
  --speed X        so many times faster than they happened (1)
`,
  async run(args) {
    const { values, positionals } = readArgs('demo-feed', args, {
      port: { type: 'string' },
      seed: { type: 'string' },
      rate: { type: 'string' },
      key: { type: 'string' },
      'dictionary-size': { type: 'string' },
      'trades-file': { type: 'string' },
      market: { type: 'string' },
      speed: { type: 'string' },
    });
    noPositionals('demo-feed', positionals);
    const file = values['trades-file'];
    const { market, speed } = values;
    if ((file === undefined) !== (market === undefined) || (file === undefined && speed !== undefined)) {
      throw new UsageError(
        '--trades-file, --market and --speed belong together: give the file and its market.',
      );
    }
    const port = portOption(values.port);
    const options = {
      port,
      seed: values.seed === undefined ? DEFAULT_SEED : wholeOption('seed', values.seed, 0, 2 ** 32 - 1),
      rate: values.rate === undefined ? DEFAULT_RATE : numberOption('rate', values.rate, MIN_RATE, MAX_RATE),
      key: keyOption(values.key),
      ...(values['dictionary-size'] === undefined
        ? {}
        : { dictionarySize: wholeOption('dictionary-size', values['dictionary-size'], 1, MAX_LISTED) }),
      // A client that was connected a moment ago would take ids that come again for repeated trades.
      ...(values.seed === undefined ? { idOffset: Date.now() * 1_000 } : {}),
    };
    const playback =
      file === undefined || market === undefined
        ? {}
        : {
            playback: {
              file,
              market,
              speed: speed === undefined ? 1 : numberOption('speed', speed, 0.001, 1e6),
            },
          };
    const stop = ended();
    const feed = await startDemoFeed({ ...options, ...playback });
    process.stdout.write(
      [
        `QUIPU_TRADES_URL=${feed.addresses.trades}`,
        `QUIPU_METRICS_URL=${feed.addresses.candles}`,
        `QUIPU_DICTIONARY_URL=${feed.addresses.dictionary}`,
        `QUIPU_API_KEY=${feed.key}`,
        '',
      ].join('\n'),
    );
    await stop;
    await feed.close();
    return EXIT_OK;
  },
};

/** What HTTP lets a header's value be, so that a client can send it. */
function keyOption(given: string | undefined): string {
  if (given === undefined) return DEFAULT_KEY;
  if (/^[\x21-\x7e]{1,200}$/.test(given)) return given;
  throw new UsageError('--key must be 1 to 200 printable ASCII characters without spaces.');
}
