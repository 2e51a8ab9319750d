/** `quipu sessions`: what was recorded, and what a user does to it. */
import type { RemovedSession, SessionSummary } from '../../core/contract.ts';
import { type Command, readArgs } from '../command.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK } from '../exit.ts';
import { withRecordings } from '../recordings.ts';
import { editSessions } from './session-edits.ts';

export const sessions: Command = {
  help: `Usage: quipu sessions [--data-dir D] [--json]
       quipu sessions name N "TEXT"     gives session N a name of one line; "" takes it away
       quipu sessions note N "TEXT"     the same of a note
       quipu sessions pin N             keeps it from being deleted; unpin N undoes that
       quipu sessions delete N          deletes it; for 10 minutes it can be restored
       quipu sessions restore N

Lists the sessions (recordings) of the data folder, oldest first, or changes one. A change needs the folder
for itself: while Quipu runs, do it there, under Sessions.

  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json        an array of {id, started, ended, state, markets, trades, candles, gaps, name, note,
                pinned} on stdout; where retention deleted something, with {deleted: {trades,
                tradesUntil, candles, candlesUntil, historyUntil}}

Trades and candles are counted as they were recorded; what was deleted since is told below the table.
`,
  async run(args) {
    const { values, positionals } = readArgs('sessions', args, {
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    const folder = folderOption(values['data-dir']);
    if (positionals.length > 0) {
      process.stdout.write(`${await editSessions(folder, positionals)}\n`);
      return EXIT_OK;
    }
    const { list, removed } = await withRecordings(folder, async (store) => ({
      list: await store.sessions(),
      removed: await store.removedSessions(Date.now()),
    }));
    process.stdout.write(
      values.json === true
        ? `${JSON.stringify(list.map(described))}\n`
        : `${tableOf(list)}${removed.map(lineOf).join('')}`,
    );
    return EXIT_OK;
  },
};

/** Times as ISO-8601 text. */
function described(session: SessionSummary): Record<string, unknown> {
  const { id, started, ended, deleted, ...rest } = session;
  const iso = (ms: number | null): string | null => (ms === null ? null : isoOf(ms));
  return {
    id,
    started: isoOf(started),
    ended: iso(ended),
    ...rest,
    ...(deleted === undefined
      ? {}
      : {
          deleted: {
            ...deleted,
            tradesUntil: iso(deleted.tradesUntil),
            candlesUntil: iso(deleted.candlesUntil),
            historyUntil: iso(deleted.historyUntil),
          },
        }),
  };
}

/** For `restore`. */
function lineOf({ session: { id, name }, undoUntil }: RemovedSession): string {
  const called = name === null ? '' : ` (${name})`;
  return `Deleted: ${id}${called}. Until ${isoOf(undoUntil)}: quipu sessions restore ${id}\n`;
}

/** What retention took away, a line for each session and kind. */
function deletedWords({ id, deleted }: SessionSummary): string[] {
  if (deleted === undefined) return [];
  const { trades, tradesUntil, candles, candlesUntil, historyUntil } = deleted;
  const line = (what: string, until: number | null): string[] =>
    until === null ? [] : [`Session ${id}: ${what} until ${isoOf(until)} deleted by retention.\n`];
  return [
    ...line(`${trades} trades`, tradesUntil),
    ...line(`${candles} candles`, candlesUntil),
    ...line('the links’ history', historyUntil),
  ];
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
    each.pinned ? 'pinned' : '',
    each.name ?? '',
  ]);
  const head = ['id', 'started', 'ended', 'state', 'markets', 'trades', 'candles', 'gaps', 'pinned', 'name'];
  const table = [head, ...rows];
  const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0))) ?? [];
  return table
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .concat(list.flatMap(deletedWords))
    .join('');
}
