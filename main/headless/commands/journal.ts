/** `quipu journal`: what happened to the links, and what redelivery brought after each outage. */
import { type Endpoint, ENDPOINTS, type JournalEntry } from '../../core/contract.ts';
import { cleanWords } from '../../core/protocol/words.ts';
import type { JournalFilter } from '../../core/store/store.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { EXIT_OK, UsageError } from '../exit.ts';
import { jsonArray, toStdout } from '../export.ts';
import { folderOption } from '../folder-option.ts';
import { sessionOption, withRecordings } from '../recordings.ts';

export const journal: Command = {
  help: `Usage: quipu journal [--session ID] [--endpoint trades|candles] [--data-dir D] [--json]

Tells what happened to the links, oldest first: each step of a connection with its cause and the
server's words, and after each outage what redelivery brought, and whether it reached back to what
was held already. The newest 100,000 entries are kept.

  --session ID   of this session alone (\`quipu sessions\` lists them)
  --endpoint E   of this endpoint alone: trades or candles
  --data-dir D   the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json         an array on stdout; times are ISO-8601. Of type "transition" {row, session, endpoint,
                 at, from, to, kind, message, serverWords}, of type "outage" {row, session, endpoint, at,
                 from, to, state, cause, recovered, duplicates, overlap}
`,
  async run(args) {
    const { values, positionals } = readArgs('journal', args, {
      session: { type: 'string' },
      endpoint: { type: 'string' },
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    noPositionals('journal', positionals);
    const filter: JournalFilter = {
      session: values.session === undefined ? null : sessionOption(values.session),
      endpoint: values.endpoint === undefined ? null : endpointOption(values.endpoint),
    };
    await withRecordings(folderOption(values['data-dir']), (store) => {
      const pages = store.journal(filter);
      return toStdout(values.json === true ? jsonArray(pages, described) : linesOf(pages));
    });
    return EXIT_OK;
  },
};

function endpointOption(text: string): Endpoint {
  const found = ENDPOINTS.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`--endpoint must be ${ENDPOINTS.join(' or ')}, not ${text.slice(0, 60)}.`);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function described(entry: JournalEntry): Record<string, unknown> {
  const { row, type, session, endpoint } = entry;
  const shared = { row, type, session, endpoint, at: isoOf(entry.at) };
  if (entry.type === 'transition') {
    const { from, to, kind, message, serverWords } = entry;
    return { ...shared, from, to, kind, message, serverWords };
  }
  const { state, cause, recovered, duplicates, overlap } = entry;
  const stretch = { from: isoOf(entry.from), to: isoOf(entry.to) };
  return { ...shared, ...stretch, state, cause, recovered, duplicates, overlap };
}

async function* linesOf(
  pages: AsyncIterable<readonly JournalEntry[]>,
): AsyncGenerator<string, void, undefined> {
  let empty = true;
  for await (const page of pages) {
    yield page.map(lineOf).join('');
    empty = false;
  }
  if (empty) yield 'Nothing happened that was recorded.\n';
}

function lineOf(entry: JournalEntry): string {
  const session = String(entry.session ?? '-').padStart(4);
  const head = `${isoOf(entry.at)}  ${session}  ${entry.endpoint.padEnd(7)}`;
  if (entry.type === 'transition') {
    const { from, kind, message, serverWords, to } = entry;
    const words = serverWords === null ? '' : ` The server: “${cleanWords(serverWords)}”`;
    return `${head}  ${from} > ${to}  ${cleanWords(kind)}: ${cleanWords(message)}${words}\n`;
  }
  const { cause, duplicates, overlap, recovered, state } = entry;
  const seconds = ((entry.to - entry.from) / 1000).toFixed(1);
  const brought = `${recovered} new, ${duplicates} held already, ${overlap ? 'overlap' : 'no overlap'}`;
  return `${head}  outage of ${seconds} s from ${isoOf(entry.from)}: ${state}; ${brought}. ${cleanWords(cause)}\n`;
}
