/** The user's own dialect of the feed: kept in the own store, or given by a file for one run. */
import type {
  DialectDocuments,
  DialectPreview,
  DialectProblem,
  DialectState,
  Endpoint,
  Granularity,
} from './contract.ts';
import type { FeedAddresses } from './ports.ts';
import type { MarketLookup } from './protocol/decode.ts';
import { DEFAULT_DIALECT, type Dialect, type MarketNames, subscribeMessage } from './protocol/dialect.ts';
import { type DialectDocument, parseDialect, writeDialect } from './protocol/dialect-document.ts';
import { explainFrame } from './protocol/explain.ts';
import { type AppError, QuipuError } from './result.ts';
import type { Store } from './store/store.ts';

const SETTING = 'dialect';
/** Problems that a sentence names; a list shows all. */
const MOST_NAMED = 3;

/** A document that a host was started with: it goes before what is kept, and is not kept. */
export interface GivenDialect {
  readonly file: string;
  readonly text: string;
}

/** What a preview needs of the feed. */
export interface PreviewContext {
  readonly lookup: MarketLookup | null;
  readonly names: (market: string) => MarketNames | null;
  /** To show a request by; null: one is made up. */
  readonly market: string | null;
  readonly granularities: readonly Granularity[];
}

type Settings = Pick<Store, 'readSetting' | 'writeSetting'>;

export class OwnDialect {
  readonly #store: Settings;
  readonly #given: GivenDialect | null;
  readonly #environment: Partial<FeedAddresses>;
  #text: string | null = null;
  #document: DialectDocument | null = null;
  #problem: AppError | null = null;

  /** @param environment addresses that go before any dialect's */
  constructor(store: Settings, given: GivenDialect | null, environment: Partial<FeedAddresses>) {
    this.#store = store;
    this.#given = given;
    this.#environment = environment;
  }

  /** Takes what is given or kept. What cannot be read is a stated problem, not a failure. */
  async read(): Promise<void> {
    if (this.#given !== null) {
      this.#take(this.#given.text, `The feed dialect of ${this.#given.file}`);
      return;
    }
    const json = await this.#store.readSetting(SETTING);
    const text = json === null ? null : keptText(json);
    if (text !== null) this.#take(text, 'The feed dialect that is kept');
  }

  get state(): DialectState {
    return {
      own: this.#text !== null,
      name: this.#document?.name ?? '',
      problem: this.#problem,
      file: this.#given?.file ?? null,
    };
  }

  /**
   * What the real feed is spoken to in.
   *
   * @throws {QuipuError} when the own dialect cannot be used: the default in its place could be taken for it
   */
  get dialect(): Dialect {
    if (this.#problem !== null) {
      throw new QuipuError(this.#problem.kind, this.#problem.message, this.#problem.action);
    }
    return this.#document?.dialect ?? DEFAULT_DIALECT;
  }

  /** Where the feed is. The environment goes before the dialect, and the dialect before the default. */
  get addresses(): FeedAddresses {
    return { ...(this.#document?.dialect ?? DEFAULT_DIALECT).addresses, ...this.#environment };
  }

  get documents(): DialectDocuments {
    return {
      document: this.#text,
      defaults: writeDialect({ name: 'Default', dialect: DEFAULT_DIALECT }, true),
      environment: this.#environment,
    };
  }

  /**
   * Keeps another document, or none.
   *
   * @returns whether the feed is spoken to differently from now on
   * @throws {QuipuError} `bad-argument` with what is wrong with it, `busy` while a file gives the dialect
   */
  async set(text: string | null): Promise<boolean> {
    if (this.#given !== null) {
      throw new QuipuError(
        'busy',
        `This Quipu was started with the feed dialect of ${this.#given.file}, which goes before any other.`,
        'Change that file, or start Quipu without QUIPU_DIALECT and --dialect.',
      );
    }
    const parsed = text === null ? null : parseDialect(text);
    if (parsed?.ok === false) throw unusable('The feed dialect', parsed.problems);
    const document = parsed?.document ?? null;
    await this.#store.writeSetting(SETTING, JSON.stringify(text));
    const before = this.#problem === null ? (this.#document?.dialect ?? DEFAULT_DIALECT) : null;
    this.#text = text;
    this.#document = document;
    this.#problem = null;
    return JSON.stringify(before) !== JSON.stringify(document?.dialect ?? DEFAULT_DIALECT);
  }

  /** What would come of a document and a frame. Nothing changes. */
  preview(text: string, endpoint: Endpoint, frame: string, context: PreviewContext): DialectPreview {
    const parsed = parseDialect(text);
    if (!parsed.ok) return { ...NOTHING, problems: parsed.problems };
    const { name, dialect } = parsed.document;
    const { trades, candles, dictionary } = { ...dialect.addresses, ...this.#environment };
    const explained =
      frame.trim() === '' ? { items: [], total: 0 } : explainFrame(dialect, context.lookup, frame);
    return {
      problems: [],
      name,
      addresses: [trades, candles, dictionary],
      header: `${dialect.header.name}: ${dialect.header.prefix}…`,
      requests: requestsOf(dialect, endpoint, context),
      items: explained.items,
      total: explained.total,
    };
  }

  #take(text: string, what: string): void {
    this.#text = text;
    const parsed = parseDialect(text);
    if (parsed.ok) {
      this.#document = parsed.document;
      return;
    }
    const { kind, message } = unusable(what, parsed.problems);
    const action =
      this.#given === null
        ? 'Put it right under Settings, or use the default there; until then the real feed is not connected.'
        : 'Put the file right and start Quipu again.';
    this.#problem = { kind, message, action };
  }
}

/** The document out of the setting; of what another Quipu kept in another form, all of it. */
function keptText(json: string): string | null {
  try {
    const kept: unknown = JSON.parse(json);
    return typeof kept === 'string' || kept === null ? kept : json;
  } catch {
    return json;
  }
}

const NOTHING: DialectPreview = {
  problems: [],
  name: '',
  addresses: [],
  header: '',
  requests: [],
  items: [],
  total: 0,
};

/** A market to show a request by, when none is watched. */
const EXAMPLE = { market: 'binance-btc-usdt', names: { venue: 'binance', pair: 'btc-usdt' } };

function requestsOf(dialect: Dialect, endpoint: Endpoint, context: PreviewContext): string[] {
  const market = context.market ?? EXAMPLE.market;
  const names = context.names(market) ?? EXAMPLE.names;
  const granularities = endpoint === 'candles' ? context.granularities : [null];
  return granularities.map((granularity, at) =>
    subscribeMessage(dialect, {
      endpoint,
      action: 'subscribe',
      traceId: `k3f9-${at + 1}`,
      markets: [market],
      granularity,
      names,
    }),
  );
}

/** All that is wrong, or the first of it, as one error. */
export function unusable(what: string, problems: readonly DialectProblem[]): QuipuError {
  const named = problems
    .slice(0, MOST_NAMED)
    .map(({ path, message }) => (path === '' ? `It ${message}` : `${path}: ${message}`));
  const more = problems.length > MOST_NAMED ? ` And ${problems.length - MOST_NAMED} more.` : '';
  return new QuipuError(
    'bad-argument',
    `${what} cannot be used. ${named.join(' ')}${more}`,
    'Put it right, or use the default.',
  );
}
