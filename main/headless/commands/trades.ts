/** `quipu trades`: a session's trades as CSV or JSON lines. */
import { formatMicros } from '../../core/protocol/time.ts';
import type { Store, StoredTrade } from '../../core/store/store.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK } from '../exit.ts';
import { formatOption, type Row, writeExport } from '../export.ts';
import { exportWithNotice, sessionOption, withRecordings } from '../recordings.ts';

const COLUMNS = [
  'market_id',
  'id',
  'exchange_time',
  'receipt_time',
  'price',
  'size',
  'side',
  'origin',
] as const;

export const trades: Command = {
  help: `Usage: quipu trades --session ID [--market ID] --format csv|jsonl [--out F] [--data-dir D]

Exports a session's trades in the order in which they were received.

  --session ID  the session (\`quipu sessions\` lists them)
  --market ID   of this market alone
  --format F    csv (RFC 4180, with a header) or jsonl (a JSON object a line)
  --out F       into this file instead of stdout; it takes its name once it is whole
  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)

Columns: ${COLUMNS.join(',')}. Times are ISO-8601 with microseconds; prices
and sizes are exact. What retention has deleted of them is told on stderr. In CSV a cell that would start a formula in a spreadsheet has an apostrophe before it.
`,
  async run(args) {
    const { values, positionals } = readArgs('trades', args, {
      session: { type: 'string' },
      market: { type: 'string' },
      format: { type: 'string' },
      out: { type: 'string' },
      'data-dir': { type: 'string' },
    });
    noPositionals('trades', positionals);
    const session = sessionOption(values.session);
    const format = formatOption(values.format);
    await withRecordings(folderOption(values['data-dir']), (store) =>
      exportWithNotice(store, session, 'trades', () =>
        writeExport(COLUMNS, rows(store, session, values.market ?? null), format, values.out ?? null),
      ),
    );
    return EXIT_OK;
  },
};

async function* rows(
  store: Store,
  session: number,
  market: string | null,
): AsyncGenerator<readonly Row[], void, undefined> {
  for await (const page of store.exportTrades({ session, market })) yield page.map(rowOf);
}

function rowOf(trade: StoredTrade): Row {
  return [
    trade.market,
    trade.id === '' ? null : trade.id,
    formatMicros(trade.exchangeTime),
    formatMicros(trade.receiptTime),
    trade.price,
    trade.size,
    trade.side,
    trade.origin,
  ];
}
