/** `quipu dialect`: checks a document of the feed dialect, or shows the one that is in use. */
import type { DialectProblem } from '../../core/contract.ts';
import { feedAddresses, readDialectFile } from '../../core/environment.ts';
import { DEFAULT_DIALECT } from '../../core/protocol/dialect.ts';
import { parseDialect, writeDialect } from '../../core/protocol/dialect-document.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { dialectOption, ownDialect } from '../dialect-option.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from '../exit.ts';
import { folderOption } from '../folder-option.ts';

export const dialect: Command = {
  help: `Usage: quipu dialect check FILE [--json]
       quipu dialect show [--default] [--data-dir D]

A dialect document tells in which words the real feed is spoken to; docs/dialect.md is its reference.

  check FILE    says whether FILE is a dialect document, and all that is wrong with it
    --json      one object {ok, name, problems:[{path, message, from, to, line, column}]} on stdout
  show          writes the document in use to stdout: QUIPU_DIALECT, else the one kept in the folder, else
                the default
    --default   the default, whatever is in use
    --data-dir D  the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)

Exit codes: 0 it can be used, 1 it cannot, 2 usage
`,
  async run(args) {
    const { values, positionals } = readArgs('dialect', args, {
      json: { type: 'boolean' },
      default: { type: 'boolean' },
      'data-dir': { type: 'string' },
    });
    const [verb, ...rest] = positionals;
    if (verb === 'check') return check(rest, values.json === true);
    if (verb !== 'show') throw new UsageError('Say check FILE or show. See: quipu dialect --help');
    noPositionals('dialect', rest);
    const usual = writeDialect({ name: 'Default', dialect: DEFAULT_DIALECT }, true);
    if (values.default === true) {
      process.stdout.write(usual);
      return EXIT_OK;
    }
    const own = await ownDialect(folderOption(values['data-dir']), dialectOption(undefined), feedAddresses());
    const text = own.documents.document ?? usual;
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    const { problem } = own.state;
    if (problem === null) return EXIT_OK;
    process.stderr.write(`quipu: ${problem.message}\n`);
    return EXIT_FAILED;
  },
};

function check(rest: readonly string[], isJson: boolean): number {
  const [name] = rest;
  if (name === undefined || rest.length > 1) {
    throw new UsageError('Name one file: quipu dialect check FILE');
  }
  const { file, text } = readDialectFile(name);
  const parsed = parseDialect(text);
  const problems = parsed.ok ? [] : parsed.problems;
  const called = parsed.ok ? parsed.document.name : '';
  if (isJson) process.stdout.write(`${JSON.stringify({ ok: parsed.ok, name: called, problems })}\n`);
  else if (parsed.ok) {
    process.stdout.write(`${file} can be used${called === '' ? '' : `: “${called}”`}.\n`);
  } else process.stderr.write(problems.map((problem) => `${lineOf(file, problem)}\n`).join(''));
  return parsed.ok ? EXIT_OK : EXIT_FAILED;
}

/** As compilers write it, so that editors find the place. */
function lineOf(file: string, { path, message, line, column }: DialectProblem): string {
  return `${file}:${line}:${column}: ${path === '' ? 'It' : `${path}:`} ${message}`;
}
