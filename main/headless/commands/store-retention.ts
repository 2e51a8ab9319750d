/** `quipu store retention`: how long what was recorded is kept, and what a policy would delete. */
import {
  type DoomedKind,
  MAX_RETENTION_DAYS,
  MIN_STORE_BYTES,
  type RetentionKind,
  type RetentionPolicy,
  type RetentionPreview,
} from '../../core/contract.ts';
import { openStore } from '../../core/store/open.ts';
import type { Store } from '../../core/store/store.ts';
import { systemClock } from '../../core/system-clock.ts';
import { type Command, noPositionals, readArgs, wholeOption } from '../command.ts';
import { EXIT_OK, UsageError } from '../exit.ts';
import { folderOption } from '../folder-option.ts';
import { nodePorts } from '../ports.ts';
import { withRecordings } from '../recordings.ts';

/** How often it is asked whether all is deleted. */
const ASK_MS = 100;
const FOR_EVER = 'forever';
const NO_LIMIT = 'none';

export const storeRetention: Command = {
  help: `Usage: quipu store retention [--trades-days N] [--candles-days N] [--history-days N] [--max-bytes N]
                             [--apply] [--data-dir D] [--json]

Tells how long what was recorded is kept, and what would be deleted now if it were changed as the options
say. Nothing is deleted without --apply, which keeps the policy: this and every later recording obeys it.

  --trades-days N   trades are kept for N days after they were received, or \`${FOR_EVER}\`
  --candles-days N  candles the same
  --history-days N  the journal, health and refusals of the links the same
  --max-bytes N     of the whole store, ${MIN_STORE_BYTES} at the least, or \`${NO_LIMIT}\`: beyond it the oldest trades are
                    deleted, then the oldest candles
  --apply           sets the policy, deletes and gives the room back to the disk, then ends
  --data-dir D      the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json            an object {policy, kinds:[{kind, rows, bytes, from, to, sessions}], bytes, beyond, applied}
                    on stdout; bytes are estimates

Pinned sessions stay, and so does the last hour of one that is being recorded. Trades are deleted in runs of
up to 4,096 of a market, so that up to so many older ones of each may stay. While Quipu runs on the folder,
set the policy in its settings.
`,
  async run(args) {
    const { values, positionals } = readArgs('store retention', args, {
      'trades-days': { type: 'string' },
      'candles-days': { type: 'string' },
      'history-days': { type: 'string' },
      'max-bytes': { type: 'string' },
      apply: { type: 'boolean' },
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    noPositionals('store retention', positionals);
    const days = (name: 'trades-days' | 'candles-days' | 'history-days'): number | null | undefined =>
      choiceOption(name, values[name], FOR_EVER, 1, MAX_RETENTION_DAYS);
    const changes = {
      tradesDays: days('trades-days'),
      candlesDays: days('candles-days'),
      historyDays: days('history-days'),
      maxBytes: choiceOption(
        'max-bytes',
        values['max-bytes'],
        NO_LIMIT,
        MIN_STORE_BYTES,
        Number.MAX_SAFE_INTEGER,
      ),
    };
    const folder = folderOption(values['data-dir']);
    const isApplied = values.apply === true;
    const preview = await (isApplied ? withWritable(folder, changes) : withRecordings(folder, look(changes)));
    process.stdout.write(
      values.json === true
        ? `${JSON.stringify({ ...described(preview), applied: isApplied })}\n`
        : wordsOf(preview, isApplied),
    );
    return EXIT_OK;
  },
};

type Changes = { readonly [N in keyof RetentionPolicy]: number | null | undefined };

/** @returns undefined when it is not given, null for the word that sets no bound */
function choiceOption(
  name: string,
  text: string | undefined,
  none: string,
  low: number,
  high: number,
): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === none) return null;
  try {
    return wholeOption(name, text, low, high);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.message.replace(', not ', ` or ${none}, not `));
  }
}

function look(changes: Changes): (store: Store) => Promise<RetentionPreview> {
  return async (store) => {
    const { policy } = await store.retention();
    const wanted = {
      tradesDays: changes.tradesDays === undefined ? policy.tradesDays : changes.tradesDays,
      candlesDays: changes.candlesDays === undefined ? policy.candlesDays : changes.candlesDays,
      historyDays: changes.historyDays === undefined ? policy.historyDays : changes.historyDays,
      maxBytes: changes.maxBytes === undefined ? policy.maxBytes : changes.maxBytes,
    };
    return store.retentionPreview(wanted, Math.floor(systemClock.now()));
  };
}

/** Sets the policy, and waits until it is obeyed. @throws {QuipuError} kind `storage` */
async function withWritable(folder: string, changes: Changes): Promise<RetentionPreview> {
  const store = await openStore({ folder, workerScript: nodePorts().workerScript });
  try {
    const preview = await look(changes)(store);
    await store.setRetention(preview.policy);
    while (await store.isRetaining()) await new Promise((done) => setTimeout(done, ASK_MS));
    return preview;
  } finally {
    await store.close();
  }
}

function described({ policy, kinds, bytes, beyond }: RetentionPreview): Record<string, unknown> {
  return {
    policy,
    kinds: kinds.map((kind) => ({ ...kind, from: isoOf(kind.from), to: isoOf(kind.to) })),
    bytes,
    beyond,
  };
}

const NAMES: Readonly<Record<RetentionKind, readonly [one: string, many: string]>> = {
  trades: ['trade', 'trades'],
  candles: ['candle', 'candles'],
  history: ['entry of the links’ history', 'entries of the links’ history'],
};

function wordsOf({ policy, kinds, bytes, beyond }: RetentionPreview, isApplied: boolean): string {
  const days = (count: number | null): string =>
    count === null ? 'for ever' : `for ${count} ${count === 1 ? 'day' : 'days'}`;
  const limit = policy.maxBytes === null ? 'no limit' : `at most ${megabytes(policy.maxBytes)} MB`;
  const lines = [
    `Trades are kept ${days(policy.tradesDays)}, candles ${days(policy.candlesDays)}, the links’ history ${days(policy.historyDays)}; ${limit}.`,
    `The store takes ${megabytes(bytes)} MB${isApplied ? ' before it' : ''}.`,
    ...kinds.filter(({ rows }) => rows > 0).map((kind) => doomedWords(kind, isApplied)),
  ];
  if (kinds.every(({ rows }) => rows === 0)) lines.push('Nothing is to be deleted by it now.');
  if (beyond > 0) {
    lines.push(
      `That is not enough: about ${megabytes(beyond)} MB beyond the limit stay, since they are pinned or of the last hour. Nothing could be recorded then: raise the limit, or unpin a session.`,
    );
  }
  if (!isApplied) lines.push('Nothing was changed. With --apply this is set.');
  return `${lines.join('\n')}\n`;
}

function doomedWords({ kind, rows, bytes, from, to, sessions }: DoomedKind, isApplied: boolean): string {
  const [one, many] = NAMES[kind];
  const of = sessions === 0 ? '' : ` of ${sessions} ${sessions === 1 ? 'session' : 'sessions'}`;
  return `${isApplied ? 'Deleted' : 'This would delete'} ${rows} ${rows === 1 ? one : many}${of}, from ${isoOf(from)} to ${isoOf(to)}, about ${megabytes(bytes)} MB.`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0);
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
