/** `quipu refusals`: what of a session's messages was refused, and why. */
import type { RefusalCount } from '../../core/contract.ts';
import { cleanWords } from '../../core/protocol/words.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { EXIT_OK } from '../exit.ts';
import { folderOption } from '../folder-option.ts';
import { sessionOption, withRecordings } from '../recordings.ts';

export const refusals: Command = {
  help: `Usage: quipu refusals --session ID [--data-dir D] [--json]

Tells what the server sent in a session that could not be taken: how often, why, and the newest few as
they came. Nothing else was lost for it.

  --session ID  the session (\`quipu sessions\` lists them)
  --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --json        an array of {endpoint, reason, count, first, last, samples: [{at, text}]} on stdout,
                samples newest first; times are ISO-8601
`,
  async run(args) {
    const { values, positionals } = readArgs('refusals', args, {
      session: { type: 'string' },
      'data-dir': { type: 'string' },
      json: { type: 'boolean' },
    });
    noPositionals('refusals', positionals);
    const session = sessionOption(values.session);
    const list = await withRecordings(folderOption(values['data-dir']), (store) => store.refusals(session));
    process.stdout.write(values.json === true ? `${JSON.stringify(list.map(described))}\n` : textOf(list));
    return EXIT_OK;
  },
};

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function described({ first, last, samples, ...rest }: RefusalCount): Record<string, unknown> {
  return {
    ...rest,
    first: isoOf(first),
    last: isoOf(last),
    samples: samples.map(({ at, text }) => ({ at: isoOf(at), text })),
  };
}

function textOf(list: readonly RefusalCount[]): string {
  if (list.length === 0) return 'Nothing was refused.\n';
  return list
    .map(({ endpoint, reason, count, first, last, samples }) => {
      const head = `${endpoint}  ${cleanWords(reason)}  ${count}  from ${isoOf(first)} to ${isoOf(last)}\n`;
      return head + samples.map(({ at, text }) => `  ${isoOf(at)}  ${cleanWords(text)}\n`).join('');
    })
    .join('');
}
