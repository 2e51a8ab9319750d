/** `quipu candles`: a session's candles as CSV or JSON lines. */
import type { Granularity } from '../../core/contract.ts';
import type { Candle } from '../../core/flow/batch.ts';
import { formatMicros } from '../../core/protocol/time.ts';
import type { Store } from '../../core/store/store.ts';
import { type Command, granularityOption, noPositionals, readArgs } from '../command.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK } from '../exit.ts';
import { formatOption, type Row, writeExport } from '../export.ts';
import { exportWithNotice, sessionOption, withRecordings } from '../recordings.ts';

const COLUMNS = [
  'market_id',
  'granularity',
  'start',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'trades',
  'receipt_time',
  'origin',
] as const;

export const candles: Command = {
  help: `Usage: quipu candles --session ID [--market ID] [--granularity 1m|1h] --format csv|jsonl [--out F]
                     [--data-dir D]

Exports a session's candles, each once and as it was last, in the order in which they first came.

  --session ID     the session (\`quipu sessions\` lists them)
  --market ID      of this market alone
  --granularity G  1m or 1h alone
  --format F       csv (RFC 4180, with a header) or jsonl (a JSON object a line)
  --out F          into this file instead of stdout; it takes its name once it is whole
  --data-dir D     the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)

Columns: market_id,granularity,start,open,high,low,close,volume,vwap,trades,receipt_time,origin. Prices
are empty (null) for a period without a trade. What retention has deleted is told on stderr. In CSV a cell that would start a formula in a spreadsheet
has an apostrophe before it.
`,
  async run(args) {
    const { values, positionals } = readArgs('candles', args, {
      session: { type: 'string' },
      market: { type: 'string' },
      granularity: { type: 'string' },
      format: { type: 'string' },
      out: { type: 'string' },
      'data-dir': { type: 'string' },
    });
    noPositionals('candles', positionals);
    const session = sessionOption(values.session);
    const granularity = values.granularity === undefined ? null : granularityOption(values.granularity);
    const format = formatOption(values.format);
    await withRecordings(folderOption(values['data-dir']), (store) =>
      exportWithNotice(store, session, 'candles', () =>
        writeExport(
          COLUMNS,
          rows(store, session, values.market ?? null, granularity),
          format,
          values.out ?? null,
        ),
      ),
    );
    return EXIT_OK;
  },
};

async function* rows(
  store: Store,
  session: number,
  market: string | null,
  granularity: Granularity | null,
): AsyncGenerator<readonly Row[], void, undefined> {
  for await (const page of store.exportCandles({ session, market, granularity })) yield page.map(rowOf);
}

function rowOf(candle: Candle): Row {
  return [
    candle.market,
    candle.granularity,
    formatMicros(candle.start),
    candle.open,
    candle.high,
    candle.low,
    candle.close,
    candle.volume,
    candle.vwap,
    candle.trades,
    formatMicros(candle.receiptTime),
    candle.origin,
  ];
}
