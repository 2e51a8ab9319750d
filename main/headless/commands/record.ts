/** `quipu record`: records markets without a screen. */
import { type Endpoint, ENDPOINTS, GRANULARITIES, type LinkState } from '../../core/contract.ts';
import { type Core, createCore, type RecordReport } from '../../core/core.ts';
import { guards } from '../../core/guards.ts';
import { type AppError, QuipuError, toAppError } from '../../core/result.ts';
import { type Command, durationOption, granularityOption, readArgs } from '../command.ts';
import { environmentKey, feedAddresses } from '../../core/environment.ts';
import { dialectOption } from '../dialect-option.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK, EXIT_REFUSED, EXIT_STORAGE, EXIT_UNREACHABLE, UsageError } from '../exit.ts';
import { nodePorts, openingProgress } from '../ports.ts';
import { ended } from '../signals.ts';
import { appVersion } from '../version.ts';

const LOOK_MS = 200;
const PROGRESS_MS = 5_000;
/** A whole attempt at a handshake may take 10 s; after that and a little, nothing answers there. */
const REACH_MS = 11_000;
/** A full or locked disk may come back; after this long without one, the recording is given up. */
const DISK_MS = 30_000;

export const record: Command = {
  help: `Usage: quipu record --market ID... [--granularity 1m,1h] [--for 60s] [--data-dir D] [--dialect F] [--json]

Records trades and candles until it is interrupted (Ctrl-C) or the time is over.

  --market ID      a market of the dictionary; may be repeated
  --granularity G  1m, 1h or 1m,1h (both)
  --for T          ends after 60s, 5m, 1h, ...
  --data-dir D     the folder of the recordings (else QUIPU_DATA_DIR, else the platform's)
  --dialect F      a dialect document (else QUIPU_DIALECT, else the one kept in the folder, else the default)
  --json           one summary object on stdout:
                   {session, trades:{received, stored, duplicates, refused},
                    candles:{received, stored, refused}, connections, gaps}

The key is QUIPU_API_KEY, else the one in the OS keychain.
Exit codes: 0 recorded, 2 usage, 3 refused by the server (401, 403), 4 unreachable, 5 storage
`,
  async run(args) {
    const { values, positionals } = readArgs('record', args, {
      market: { type: 'string', multiple: true },
      granularity: { type: 'string', multiple: true },
      for: { type: 'string' },
      'data-dir': { type: 'string' },
      dialect: { type: 'string' },
      json: { type: 'boolean' },
    });
    const markets = marketsOf(values.market ?? [], positionals);
    const granularities = [...new Set((values.granularity ?? []).flatMap((text) => text.split(',')))].map(
      granularityOption,
    );
    const time = values.for === undefined ? null : durationOption('for', values.for);
    const dialect = dialectOption(values.dialect);
    const stop = ended();
    const core = await createCore({
      host: 'browser',
      version: appVersion(),
      folder: folderOption(values['data-dir']),
      addresses: feedAddresses(),
      dialect,
      environmentKey: environmentKey(),
      ports: nodePorts(),
      progress: openingProgress(),
      fixed: { markets, granularities: granularities.length === 0 ? GRANULARITIES : granularities },
    });
    const watch = new Watch(core, values.json !== true);
    let outcome: Outcome;
    try {
      await startLive(core, watch);
      outcome = await watch.until(stop, time);
    } catch (error) {
      await core.close().catch(() => undefined);
      throw error;
    } finally {
      watch.end();
    }
    // What is flushed at the end can fail as well; then its error tells more than the outcome.
    await core.close();
    const report = core.report();
    process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : summaryOf(report));
    if (outcome.words !== null) process.stderr.write(`quipu: ${outcome.words}\n`);
    return outcome.code;
  },
};

/** `--market a b` gives b as a positional. @throws {UsageError} */
function marketsOf(named: readonly string[], positionals: readonly string[]): readonly string[] {
  if (named.length === 0) {
    throw new UsageError(
      'Say what to record: --market ID, with an id of the dictionary. See: quipu record --help',
    );
  }
  const markets = [...new Set([...named, ...positionals])];
  try {
    return guards['watch.set']({ markets }).markets;
  } catch (error) {
    throw new UsageError(`--market: ${toAppError(error).message}`);
  }
}

/** @throws {QuipuError} with the keychain's problem, when it is why there is no key */
async function startLive(core: Core, watch: Watch): Promise<void> {
  try {
    await core.start('live');
  } catch (error) {
    if (!(error instanceof QuipuError) || error.kind !== 'no-key') throw error;
    const why = watch.keyProblem === null ? '' : ` ${watch.keyProblem.message}`;
    throw new QuipuError('no-key', `There is no API key.${why}`, 'Set QUIPU_API_KEY to your key.');
  }
}

interface Outcome {
  readonly code: number;
  /** For stderr: what happened and what to do. */
  readonly words: string | null;
}

/** Looks after a recording: tells how it goes, and ends it when it cannot go on. */
class Watch {
  readonly #core: Core;
  readonly #tells: boolean;
  readonly #started = performance.now();
  readonly #reached: Record<Endpoint, boolean> = { trades: false, candles: false };
  readonly #told = new Set<string>();
  keyProblem: AppError | null = null;
  #storage: { readonly problem: AppError; readonly since: number } | null = null;
  #progressAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(core: Core, tells: boolean) {
    this.#core = core;
    this.#tells = tells;
    core.connect((message) => {
      if (message.kind !== 'event') return;
      const { event } = message;
      if (event.type === 'snapshot') this.keyProblem = event.snapshot.key.problem;
      if (event.type !== 'recording') return;
      const { state, problem } = event.recording;
      if (state === 'failed' && problem !== null) {
        this.#storage ??= { problem, since: performance.now() };
      } else {
        this.#storage = null;
      }
    });
  }

  /** @param time ms from the first look, or null for no end */
  until(stop: Promise<void>, time: number | null): Promise<Outcome> {
    return new Promise((resolve) => {
      void stop.then(() => resolve(this.#outcome()));
      this.#timer = setInterval(() => {
        const failure = this.#failure();
        if (failure !== null) resolve(failure);
        else if (time !== null && performance.now() - this.#started >= time) resolve(this.#outcome());
        else this.#tell();
      }, LOOK_MS);
    });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** Of a recording that came to its end. */
  #outcome(): Outcome {
    if (this.#storage !== null) return storageOutcome(this.#storage.problem);
    const links = Object.values(this.#core.links());
    const never = links.every(({ connections }) => connections === 0);
    const problem = links.find((link) => link.problem !== null);
    if (!never || problem === undefined) return { code: EXIT_OK, words: null };
    return links.some(isRefused)
      ? refusedOutcome(links)
      : { code: EXIT_UNREACHABLE, words: `Nothing was recorded: ${wordsOf(problem)}` };
  }

  /** Why it cannot go on, or null. */
  #failure(): Outcome | null {
    const now = performance.now();
    if (this.#storage !== null && now - this.#storage.since >= DISK_MS) {
      return storageOutcome(this.#storage.problem);
    }
    const links = this.#core.links();
    const all = ENDPOINTS.map((endpoint) => links[endpoint]);
    for (const link of all) {
      // An answer of any status is a server that was reached: it may let us in later.
      if (link.connections > 0 || (link.problem !== null && link.problem.status !== null)) {
        this.#reached[link.endpoint] = true;
      }
    }
    if (all.every(isRefused)) return refusedOutcome(all);
    if (now - this.#started < REACH_MS || all.some(({ connections }) => connections > 0)) return null;
    const lost = all.filter((link) => !isRefused(link) && !this.#reached[link.endpoint]);
    const first = lost[0];
    if (first === undefined || lost.length + all.filter(isRefused).length < all.length) return null;
    return all.some(isRefused)
      ? refusedOutcome(all)
      : { code: EXIT_UNREACHABLE, words: `The feed cannot be reached. ${wordsOf(first)}` };
  }

  #tell(): void {
    if (!this.#tells) return;
    const links = this.#core.links();
    for (const endpoint of ENDPOINTS) {
      const link = links[endpoint];
      // One endpoint refused and the other live is worth going on, and worth saying once.
      if (isRefused(link) && !this.#told.has(endpoint)) {
        this.#told.add(endpoint);
        process.stderr.write(`quipu: ${wordsOf(link)}\n`);
      }
    }
    const now = performance.now();
    if (now - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = now;
    const { trades, candles, gaps } = this.#core.report();
    const seconds = Math.round((now - this.#started) / 1000);
    process.stderr.write(
      `${seconds} s: trades ${links.trades.phase}, candles ${links.candles.phase}; ` +
        `${trades.stored} trades and ${candles.stored} candles stored, ${gaps} gaps\n`,
    );
  }
}

function isRefused({ phase, problem }: LinkState): boolean {
  return phase === 'refused' && (problem?.status === 401 || problem?.status === 403);
}

function refusedOutcome(links: readonly LinkState[]): Outcome {
  const words = links.filter(isRefused).map(wordsOf);
  return { code: EXIT_REFUSED, words: [...new Set(words)].join(' ') };
}

function storageOutcome({ message, action }: AppError): Outcome {
  return { code: EXIT_STORAGE, words: action === undefined ? message : `${message} ${action}` };
}

function wordsOf({ endpoint, problem }: LinkState): string {
  if (problem === null) return `${endpoint}: no connection.`;
  const { message, status, serverWords, action } = problem;
  const answer = [status === null ? '' : `status ${status}`, serverWords === null ? '' : `“${serverWords}”`];
  const said = answer.filter((text) => text !== '').join(', ');
  return `${endpoint}: ${message}${said === '' ? '' : ` (${said})`} ${action}`;
}

function summaryOf({ session, trades, candles, connections, gaps }: RecordReport): string {
  return [
    `session      ${session ?? 'none'}`,
    `trades       ${trades.received} received, ${trades.stored} stored, ${trades.duplicates} duplicates, ${trades.refused} refused`,
    `candles      ${candles.received} received, ${candles.stored} stored, ${candles.refused} refused`,
    `connections  ${connections}`,
    `gaps         ${gaps}`,
    '',
  ].join('\n');
}
