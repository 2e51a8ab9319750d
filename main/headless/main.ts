/** From arguments to a verb, and from its end to an exit code. */
import type { Command } from './command.ts';
import { EXIT_OK, exitCodeOf, lineOf, UsageError } from './exit.ts';
import { appVersion } from './version.ts';

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  'demo-feed': async () => (await import('./commands/demo-feed.ts')).demoFeed,
  record: async () => (await import('./commands/record.ts')).record,
  sessions: async () => (await import('./commands/sessions.ts')).sessions,
  trades: async () => (await import('./commands/trades.ts')).trades,
  candles: async () => (await import('./commands/candles.ts')).candles,
  coverage: async () => (await import('./commands/coverage.ts')).coverage,
  journal: async () => (await import('./commands/journal.ts')).journal,
  health: async () => (await import('./commands/health.ts')).health,
  refusals: async () => (await import('./commands/refusals.ts')).refusals,
  store: async () => (await import('./commands/store.ts')).store,
  dialect: async () => (await import('./commands/dialect.ts')).dialect,
  'store retention': async () => (await import('./commands/store-retention.ts')).storeRetention,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  serve: async () => (await import('./commands/serve.ts')).serve,
};

const HELP = `Usage: npm run -s quipu -- COMMAND [OPTIONS]

  record      records markets without a screen
  sessions    lists what was recorded; names, notes, pins, deletes and restores it
  trades      exports a session's trades
  candles     exports a session's candles
  coverage    tells what is known of a session, minute by minute, and what is lost
  journal     tells what happened to the links, and what redelivery brought after an outage
  health      tells how the links did, minute by minute: lag, rates, reconnects
  refusals    tells what of a session was refused, and why
  store       tells what the record holds and takes, checks it, makes it smaller
  store retention
              tells how long what was recorded is kept, what else would be deleted, and sets it
  serve       the app in a browser of this computer
  doctor      tries the connection and says what to do
  dialect     checks a dialect document, or shows the one in use
  demo-feed   a local server that speaks the API

\`COMMAND --help\` tells a command's options.

Environment:
  QUIPU_API_KEY         the API key; without it, the one in the OS keychain
  QUIPU_TRADES_URL      address of the trades endpoint
  QUIPU_METRICS_URL     address of the aggregated trade metrics endpoint
  QUIPU_DICTIONARY_URL  base address of the dictionaries
  QUIPU_DIALECT         a dialect document for this run, before the one that is kept
  QUIPU_DATA_DIR        folder of the recordings
  QUIPU_LOG             error, warn (without it), info or debug: what is told on stderr

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by the server (401, 403), 4 unreachable, 5 storage
`;

/** Runs one command and sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  // Whoever read our output has gone (`quipu trades ... | head`): that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT_OK);
    throw error;
  });
  process.stderr.on('error', () => undefined);
  try {
    process.exitCode = await run(args);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${lineOf(error)}\n`);
  }
}

async function run(args: readonly string[]): Promise<number> {
  const [first, second] = args;
  // Some are two words.
  const both = `${first} ${second}`;
  const isTwo = second !== undefined && Object.hasOwn(COMMANDS, both);
  const name = isTwo ? both : first;
  const rest = args.slice(isTwo ? 2 : 1);
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return EXIT_OK;
  }
  if (name === '--version') {
    process.stdout.write(`${appVersion()}\n`);
    return EXIT_OK;
  }
  const names = Object.keys(COMMANDS).join(', ');
  if (name === undefined) throw new UsageError(`Name a command: ${names}; or --help.`);
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined)
    throw new UsageError(`There is no command ${name.slice(0, 60)}. Use one of ${names}.`);
  const command = await load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return EXIT_OK;
  }
  return command.run(rest);
}
