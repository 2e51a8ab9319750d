/** `quipu health`: how the links did, minute by minute. */
import type { HealthMinute } from '../../core/contract.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { EXIT_OK } from '../exit.ts';
import { jsonArray, toStdout } from '../export.ts';
import { folderOption } from '../folder-option.ts';
import { sessionOption, withRecordings } from '../recordings.ts';

export const health: Command = {
  help: `Usage: quipu health [--session ID] [--data-dir D] [--json]

Tells how each link did in every minute of the recordings. Lag is from the exchange's time to receipt,
without what was redelivered; the clock's offset (this computer's minus the server's, good to half a
second) is part of it. Quantiles are good to 1 %.

  --session ID  of this session alone (\`quipu sessions\` lists them)
  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json        an array of {session, endpoint, at, messages, bytes, lagP50, lagP95, lagP99,
                clockOffset, roundTrip, reconnects, refused} on stdout; at is the minute's start in
                ISO-8601, times are in milliseconds, null where nothing was measured

Of a session that still records, the minutes that are over are told.
`,
  async run(args) {
    const { values, positionals } = readArgs('health', args, {
      session: { type: 'string' },
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    noPositionals('health', positionals);
    const session = values.session === undefined ? null : sessionOption(values.session);
    await withRecordings(folderOption(values['data-dir']), (store) => {
      const pages = store.health(session);
      return toStdout(values.json === true ? jsonArray(pages, described) : tableOf(pages));
    });
    return EXIT_OK;
  },
};

function described({ at, session, endpoint, ...rest }: HealthMinute): Record<string, unknown> {
  return { session, endpoint, at: new Date(at).toISOString(), ...rest };
}

type Column = readonly [head: string, width: number, text: (minute: HealthMinute) => string];

const COLUMNS: readonly Column[] = [
  ['minute', 17, ({ at }) => `${new Date(at).toISOString().slice(0, 16)}Z`],
  ['session', 7, ({ session }) => String(session)],
  ['endpoint', 8, ({ endpoint }) => endpoint],
  ['messages', 10, ({ messages }) => String(messages)],
  ['bytes', 12, ({ bytes }) => String(bytes)],
  ['lag p50', 9, ({ lagP50 }) => millis(lagP50)],
  ['lag p95', 9, ({ lagP95 }) => millis(lagP95)],
  ['lag p99', 9, ({ lagP99 }) => millis(lagP99)],
  ['clock', 9, ({ clockOffset }) => millis(clockOffset)],
  ['ping', 8, ({ roundTrip }) => millis(roundTrip)],
  ['reconnects', 10, ({ reconnects }) => String(reconnects)],
  ['refused', 8, ({ refused }) => String(refused)],
];

function millis(ms: number | null): string {
  return ms === null ? '-' : ms.toFixed(1);
}

/** Of fixed widths, so that a long record needs not be in memory. */
async function* tableOf(
  pages: AsyncIterable<readonly HealthMinute[]>,
): AsyncGenerator<string, void, undefined> {
  let head = `${COLUMNS.map(([name, width]) => name.padStart(width)).join('  ')}\n`;
  for await (const page of pages) {
    const lines = page.map(
      (minute) => `${COLUMNS.map(([, width, text]) => text(minute).padStart(width)).join('  ')}\n`,
    );
    yield head + lines.join('');
    head = '';
  }
  if (head !== '') yield 'No minute was recorded.\n';
}
