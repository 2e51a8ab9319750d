/** `quipu sessions`: what was recorded. */
import type { SessionSummary } from '../../core/contract.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK } from '../exit.ts';
import { withRecordings } from '../recordings.ts';

export const sessions: Command = {
  help: `Usage: quipu sessions [--data-dir D] [--json]

Lists the sessions (recordings) of the data folder, oldest first.

  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json        an array of {id, started, ended, state, markets, trades, candles, gaps} on stdout
`,
  async run(args) {
    const { values, positionals } = readArgs('sessions', args, {
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    noPositionals('sessions', positionals);
    const list = await withRecordings(folderOption(values['data-dir']), (store) => store.sessions());
    process.stdout.write(values.json === true ? `${JSON.stringify(list.map(described))}\n` : tableOf(list));
    return EXIT_OK;
  },
};

/** Times as ISO-8601 text. */
function described(session: SessionSummary): Record<string, unknown> {
  const { id, started, ended, state, markets, trades, candles, gaps } = session;
  return {
    id,
    started: isoOf(started),
    ended: ended === null ? null : isoOf(ended),
    state,
    markets,
    trades,
    candles,
    gaps,
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function tableOf(list: readonly SessionSummary[]): string {
  if (list.length === 0) return 'No sessions yet.\n';
  const rows = list.map((each) => [
    String(each.id),
    isoOf(each.started),
    each.ended === null ? '' : isoOf(each.ended),
    each.state,
    String(each.markets.length),
    String(each.trades),
    String(each.candles),
    String(each.gaps),
  ]);
  const table = [['id', 'started', 'ended', 'state', 'markets', 'trades', 'candles', 'gaps'], ...rows];
  const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0))) ?? [];
  return table
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
