/** `quipu store`: looks after the file of the record. */
import { join } from 'node:path';
import { formatMicros } from '../../core/protocol/time.ts';
import type { CheckReport } from '../../core/store/check.ts';
import { noStore } from '../../core/store/compact.ts';
import type { Aside, StoreStats } from '../../core/store/stats.ts';
import { readStats } from '../../core/store/stats.ts';
import { upkeep } from '../../core/store/upkeep.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { EXIT_OK, EXIT_STORAGE, UsageError } from '../exit.ts';
import { folderOption } from '../folder-option.ts';
import { openingProgress } from '../ports.ts';

/** A verb behind `quipu store`, with the arguments behind it. */
export interface StoreVerb {
  /** Its lines in `quipu store --help`. */
  readonly help: string;
  /** @returns the exit code */
  run(args: readonly string[]): Promise<number>;
}

const VERBS: Readonly<Record<string, StoreVerb>> = {
  stats: {
    help: `  stats    tells what the record holds and what room that takes, beside a running Quipu too`,
    run: simple((folder, isJson) => {
      const stats = readStats(folder);
      if (stats === null) throw noStore(folder);
      process.stdout.write(isJson ? `${JSON.stringify(stats)}\n` : textOf(stats));
      return Promise.resolve(EXIT_OK);
    }),
  },
  check: {
    help: `  check    looks through all of it, beside a running Quipu too: whether each run of trades is as it was
           written, and the tables fit together. Says of each fault where it is and what to do; exits
           with 5 when there are any`,
    run: simple(async (folder, isJson) => {
      const report = await upkeep('check', folder, WORKER, openingProgress());
      if (report === null) throw noStore(folder);
      process.stdout.write(isJson ? `${JSON.stringify({ folder, ...report })}\n` : wordsOf(report));
      return report.faults.length === 0 ? EXIT_OK : EXIT_STORAGE;
    }),
  },
  compact: {
    help: `  compact  seals all trades and gives back room that nothing takes. Quipu must be closed. The new file is
           made beside the old one; whatever ends this in the middle leaves the record as it was`,
    run: simple(async (folder, isJson) => {
      const { after, before } = await upkeep('compact', folder, WORKER, openingProgress());
      const words = `${bytesText(before)} before, ${bytesText(after)} now\n`;
      process.stdout.write(isJson ? `${JSON.stringify({ folder, before, after })}\n` : words);
      return EXIT_OK;
    }),
  },
  salvage: {
    help: `  salvage  puts a damaged file aside and makes a new one of all that can be read. Quipu must be closed`,
    run: simple(async (folder, isJson) => {
      const notice = await upkeep('salvage', folder, WORKER, openingProgress());
      const words = `${notice.message} ${notice.action ?? ''}`.trimEnd();
      process.stdout.write(isJson ? `${JSON.stringify({ folder, notice })}\n` : `${words}\n`);
      return EXIT_OK;
    }),
  },
};

const WORKER = new URL('../../core/store/upkeep-worker.ts', import.meta.url);

export const store: Command = {
  help: `Usage: quipu store ${Object.keys(VERBS).join('|')} [--data-dir D] [--demo] [--json]

${Object.values(VERBS)
  .map(({ help }) => help)
  .join('\n')}

  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --demo        the recordings of the demo feed in it
  --json        one object on stdout

How far it is is told on stderr. docs/store.md says what the file is like.
Exit codes: 0 done, 2 usage or no record there, 5 storage: faults were found, or it cannot be done
`,
  async run(args) {
    const [name = '', ...rest] = args;
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (verb !== undefined) return verb.run(rest);
    throw new UsageError(`Say ${Object.keys(VERBS).join(', ')} behind store. See: quipu store --help`);
  },
};

/** A verb with the options that all have. */
function simple(run: (folder: string, isJson: boolean) => Promise<number>): StoreVerb['run'] {
  return async (args) => {
    const { values, positionals } = readArgs('store', args, {
      'data-dir': { type: 'string' },
      demo: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    noPositionals('store', positionals);
    const folder = folderOption(values['data-dir']);
    return run(values.demo === true ? join(folder, 'demo') : folder, values.json === true);
  };
}

function textOf(stats: StoreStats): string {
  const { trades, pages, bytesPerTrade: per } = stats;
  const rows: [name: string, value: string][] = [
    ['folder', stats.folder],
    ['version of its tables', String(stats.version)],
    ['file', bytesText(stats.files.database)],
    ['log', bytesText(stats.files.log)],
    [
      'room that nothing takes',
      `${bytesText(pages.free * pages.size)} (${pages.free} of ${pages.count} pages)`,
    ],
    ['sessions', String(stats.sessions)],
    ['markets', String(stats.markets)],
    ['trades', String(trades.total)],
    ['  in chunks', `${trades.chunks.trades} in ${trades.chunks.count}`],
    ['  in segments', `${trades.segments.trades} in ${trades.segments.count}`],
    ['  in rows', String(trades.rows)],
    [
      'bytes a trade',
      per === null
        ? '-'
        : `${per.body.toFixed(1)}, its id ${per.ids.toFixed(1)}, bars for drawing ${per.bars.toFixed(1)}`,
    ],
    ['oldest trade', stats.oldest === null ? '-' : formatMicros(stats.oldest)],
    ['newest trade', stats.newest === null ? '-' : formatMicros(stats.newest)],
    ['candles', String(stats.candles)],
    ['gaps', String(stats.gaps)],
    ['coverage', String(stats.coverage)],
    ['journal', String(stats.journal)],
    ['minutes of health', String(stats.health)],
    ['reasons of refusals', String(stats.refusals)],
    ...stats.copies.map((each) => ['copy before an update', asideText(each)] as [string, string]),
    ...stats.damaged.map((each) => ['put aside, damaged', asideText(each)] as [string, string]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

function asideText({ name, bytes }: Aside): string {
  return `${name}, ${bytesText(bytes)}`;
}

function wordsOf({ checked, faults, more }: CheckReport): string {
  const { chunks, rows, segments, sessions, trades, candles } = checked;
  const looked = `Looked at ${sessions} sessions, ${trades} trades (${chunks} chunks, ${segments} segments, ${rows} rows) and ${candles} candles.\n`;
  if (faults.length === 0) return `${looked}No faults.\n`;
  const lines = faults.map(({ where, what, action }) => `${where}: ${what}\n  ${action}\n`);
  const rest = more === 0 ? '' : `and ${more} more\n`;
  return `${looked}${faults.length + more} faults:\n${lines.join('')}${rest}`;
}

function bytesText(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
