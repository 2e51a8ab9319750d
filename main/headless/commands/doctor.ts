/** `quipu doctor`: tries the connection and says what to do. */
import {
  type DialectState,
  type Endpoint,
  ENDPOINTS,
  type KeyPlace,
  type LinkProblem,
} from '../../core/contract.ts';
import type { FeedAddresses, Ports } from '../../core/ports.ts';
import type { Dialect } from '../../core/protocol/dialect.ts';
import { type AppError, toAppError } from '../../core/result.ts';
import { tryHandshake } from '../../core/session/handshake.ts';
import { NO_KEY, problemOfError, problemOfStatus } from '../../core/session/problem.ts';
import { type Command, noPositionals, readArgs } from '../command.ts';
import { environmentKey, feedAddresses } from '../../core/environment.ts';
import { dialectOption, ownDialect } from '../dialect-option.ts';
import { folderOption } from '../folder-option.ts';
import { EXIT_OK, EXIT_REFUSED, EXIT_UNREACHABLE } from '../exit.ts';
import { nodePorts } from '../ports.ts';
import { appVersion } from '../version.ts';

const TIME_LIMIT_MS = 10_000;

interface Finding {
  readonly name: Endpoint | 'dictionary';
  readonly url: string;
  readonly ok: boolean;
  /** Of HTTP: 101 is a WebSocket that opened. null: no answer. */
  readonly status: number | null;
  readonly problem: string | null;
  readonly serverWords: string | null;
  readonly message: string;
  readonly action: string | null;
  readonly milliseconds: number;
}

export const doctor: Command = {
  help: `Usage: quipu doctor [--json]

Tries both endpoints and the dictionary with the key (QUIPU_API_KEY, else the one in the OS keychain);
for each it tells the status, the server's words and what to do.

  --json  one object {version, dataFolder, dialect, key, endpoints, dictionary} on stdout

Exit codes: 0 all is well, 3 refused by the server (401, 403), 4 not reached or not served
`,
  async run(args) {
    const { values, positionals } = readArgs('doctor', args, { json: { type: 'boolean' } });
    noPositionals('doctor', positionals);
    const dataFolder = folderOption(undefined);
    const own = await ownDialect(dataFolder, dialectOption(undefined), feedAddresses());
    const { addresses, dialect } = own;
    const ports = nodePorts();
    const { key, ...keyFinding } = await findKey(ports);
    const [dictionary, ...endpoints] = await Promise.all([
      tryDictionary(addresses, ports),
      ...ENDPOINTS.map((endpoint) => tryEndpoint(endpoint, addresses[endpoint], key, dialect, ports)),
    ]);
    process.stdout.write(
      values.json === true
        ? `${JSON.stringify({ version: appVersion(), dataFolder, dialect: own.state, key: keyFinding, endpoints, dictionary })}\n`
        : textOf(dataFolder, own.state, keyFinding, [...endpoints, dictionary]),
    );
    const findings = [...endpoints, dictionary];
    if (findings.every(({ ok }) => ok)) return EXIT_OK;
    const refused = findings.some(({ status }) => status === 401 || status === 403);
    return refused ? EXIT_REFUSED : EXIT_UNREACHABLE;
  },
};

interface KeyFinding {
  readonly place: KeyPlace;
  readonly problem: AppError | null;
}

async function findKey({ secrets }: Ports): Promise<KeyFinding & { readonly key: string | null }> {
  const given = environmentKey();
  if (given !== null) return { key: given, place: 'environment', problem: null };
  try {
    const key = await secrets.get();
    return { key, place: key === null ? 'none' : 'keychain', problem: null };
  } catch (error) {
    return { key: null, place: 'none', problem: toAppError(error) };
  }
}

/** Without a key it is tried all the same: that tells whether the server is reached. */
async function tryEndpoint(
  name: Endpoint,
  url: string,
  key: string | null,
  dialect: Dialect,
  ports: Ports,
): Promise<Finding> {
  const begun = performance.now();
  const problem = await tryHandshake(url, key, dialect, ports.sockets);
  const milliseconds = Math.round(performance.now() - begun);
  if (problem === null) return well(name, url, 101, 'Connected.', milliseconds);
  const lacksKey = key === null && (problem.status === 401 || problem.status === 403);
  const told = {
    ...problem,
    kind: NO_KEY.kind,
    message: NO_KEY.message,
    action: 'Set QUIPU_API_KEY to your key.',
  };
  return ill(name, url, lacksKey ? told : problem, milliseconds);
}

async function tryDictionary(addresses: FeedAddresses, ports: Ports): Promise<Finding> {
  const url = `${addresses.dictionary}/markets?active=true&page=0&size=1`;
  const begun = performance.now();
  const took = (): number => Math.round(performance.now() - begun);
  try {
    const response = await ports.fetch(url, {
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
      redirect: 'manual',
    });
    if (!response.ok) {
      await response.body?.cancel();
      const problem = problemOfStatus(response.status, Object.fromEntries(response.headers));
      return ill('dictionary', url, problem, took());
    }
    const body: unknown = await response.json().catch(() => null);
    if (typeof body !== 'object' || body === null || !('content' in body) || !Array.isArray(body.content)) {
      return ill('dictionary', url, problemOfStatus(response.status, {}), took());
    }
    const total =
      'totalElements' in body && typeof body.totalElements === 'number' ? body.totalElements : null;
    return well('dictionary', url, response.status, total === null ? 'Read.' : `${total} markets.`, took());
  } catch (error) {
    return ill('dictionary', url, problemOfError(fetchCause(error)), took());
  }
}

/** fetch hides the system's error in `cause`; a time limit is an error of its own. */
function fetchCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error.name === 'TimeoutError') return Object.assign(new Error(error.message), { code: 'ETIMEDOUT' });
  return error.cause instanceof Error ? error.cause : error;
}

function well(
  name: Finding['name'],
  url: string,
  status: number,
  message: string,
  milliseconds: number,
): Finding {
  return {
    name,
    url,
    ok: true,
    status,
    problem: null,
    serverWords: null,
    message,
    action: null,
    milliseconds,
  };
}

function ill(name: Finding['name'], url: string, problem: LinkProblem, milliseconds: number): Finding {
  const { status, kind, serverWords, message, action } = problem;
  return { name, url, ok: false, status, problem: kind, serverWords, message, action, milliseconds };
}

function dialectWords({ own, name, file }: DialectState): string {
  if (!own) return 'default';
  return [name === '' ? 'own' : `own, “${name}”`, file === null ? '' : `of ${file}`].join(' ').trim();
}

function textOf(
  folder: string,
  dialect: DialectState,
  key: KeyFinding,
  findings: readonly Finding[],
): string {
  const lines = [`data folder: ${folder}`, `dialect: ${dialectWords(dialect)}`, `key: ${key.place}`];
  if (key.problem !== null) lines.push(`  ${key.problem.message} ${key.problem.action ?? ''}`.trimEnd());
  for (const { name, url, ok, status, serverWords, message, action, milliseconds } of findings) {
    lines.push(`${name}: ${ok ? 'ok' : 'not ok'} (status ${status ?? 'none'}, ${milliseconds} ms) ${url}`);
    lines.push(`  ${message}`);
    if (serverWords !== null) lines.push(`  The server says: ${serverWords}`);
    if (action !== null) lines.push(`  ${action}`);
  }
  return `${lines.join('\n')}\n`;
}
