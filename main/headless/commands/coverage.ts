/** `quipu coverage`: what is known of a session's markets, and what is not. */
import type { CoverageInterval } from '../../core/contract.ts';
import { formatMicros } from '../../core/protocol/time.ts';
import { cleanWords } from '../../core/protocol/words.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { EXIT_OK } from '../exit.ts';
import { jsonArray, toStdout } from '../export.ts';
import { folderOption } from '../folder-option.ts';
import { sessionOption, withRecordings } from '../recordings.ts';

export const coverage: Command = {
  help: `Usage: quipu coverage --session ID [--market ID] [--data-dir D] [--json]

Tells what is known of a session's markets at each endpoint (trades, candles), from the session's start
to its end, without overlap or hole:

  live        connected and subscribed: what was sent is recorded
  quiet       the same, but nothing came for a minute or more
  recovered   not connected, and redelivery brought back what was sent
  unverified  it may be incomplete
  lost        not connected for longer than redelivery reaches back, or it could not be stored
  off         not subscribed or not recording

  --session ID  the session (\`quipu sessions\` lists them)
  --market ID   of this market alone
  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json        an array of {market, endpoint, from, to, state, cause} on stdout; times are ISO-8601
                with microseconds

Of a session that still records, or that a crash ended, it tells what is known up to its last commit.
`,
  async run(args) {
    const { values, positionals } = readArgs('coverage', args, {
      session: { type: 'string' },
      market: { type: 'string' },
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    noPositionals('coverage', positionals);
    const session = sessionOption(values.session);
    const market = values.market ?? null;
    await withRecordings(folderOption(values['data-dir']), (store) => {
      const pages = store.coverage({ session, market });
      return toStdout(values.json === true ? jsonArray(pages, described) : tableOf(pages));
    });
    return EXIT_OK;
  },
};

function described({ market, endpoint, from, to, state, cause }: CoverageInterval): Record<string, string> {
  return { market, endpoint, from: formatMicros(from), to: formatMicros(to), state, cause };
}

/** A paragraph for each market and endpoint, so that its width needs not all of them in memory. */
async function* tableOf(
  pages: AsyncIterable<readonly CoverageInterval[]>,
): AsyncGenerator<string, void, undefined> {
  let line = '';
  for await (const page of pages) {
    for (const interval of page) {
      const head = `${cleanWords(interval.market)}  ${interval.endpoint}\n`;
      if (head !== line) yield line === '' ? head : `\n${head}`;
      line = head;
      const { from, to, state, cause } = interval;
      const seconds = ((to - from) / 1e6).toFixed(1).padStart(9);
      yield (
        `  ${formatMicros(from)}  ${formatMicros(to)}  ${seconds} s  ${state.padEnd(10)}  ${cleanWords(cause)}`.trimEnd() +
        '\n'
      );
    }
  }
  if (line === '') yield 'No coverage of that market or session.\n';
}
