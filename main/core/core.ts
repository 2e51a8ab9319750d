/** The whole of Quipu but its screen and its shell: feed, pipeline, store, hub. */
import {
  type CommandArgs,
  type CommandName,
  type CommandValue,
  CONTRACT_VERSION,
  type Endpoint,
  ENDPOINTS,
  type FeedCounts,
  type Granularity,
  GRANULARITIES,
  type LinkState,
  type Message,
  type Micros,
  type Millis,
  type Settings,
  type Snapshot,
  type SourceKind,
  type StoreState,
} from './contract.ts';
import { NO_DICTIONARY, nothingFound } from './dictionary.ts';
import { SessionCords } from './coverage/cords.ts';
import { Feed } from './feed.ts';
import { Hub, HubClient } from './flow/hub.ts';
import { guards, MAX_MARKETS, settingsOf } from './guards.ts';
import { keylessLogger, OwnKey } from './key.ts';
import { LowDisk } from './low-disk.ts';
import { Announcer } from './notices/announcer.ts';
import { OtherRecord } from './other-record.ts';
import { type GivenDialect, OwnDialect } from './own-dialect.ts';
import type { FeedAddresses, Ports, Timer } from './ports.ts';
import { DEFAULT_DIALECT } from './protocol/dialect.ts';
import { type AppError, fail, ok, QuipuError, type Result, toAppError } from './result.ts';
import { SessionEdits } from './session-edits.ts';
import { openStore } from './store/open.ts';
import { logSlow } from './store/slow-queries.ts';
import type { Store, StoreProgress } from './store/store.ts';

const TICK_MS = 250;
const STORE_STATE_MS = 5_000;
/** What the watchlist shows of each market: an hour. */
const RECENT_MICROS = 3_600_000_000;

export interface CoreOptions {
  readonly host: 'desktop' | 'browser';
  readonly version: string;
  /** The cache's folder. The demo feed records into its subfolder `demo`. */
  readonly folder: string;
  /** Of the real feed, from the environment: they go before those of the dialect. */
  readonly addresses: Partial<FeedAddresses>;
  /** From QUIPU_DIALECT or --dialect: goes before the kept dialect, which stays as it is. */
  readonly dialect?: GivenDialect | null;
  /** From QUIPU_API_KEY; used before the keychain and never stored. */
  readonly environmentKey: string | null;
  readonly ports: Ports;
  /** Called many times while a damaged record is salvaged or an older one is brought up to date. */
  readonly progress?: (progress: StoreProgress) => void;
  /**
   * While another Quipu records into the folder, this one reads, and goes on as `start` or `resume` said once
   * the other has ended. Without it `createCore` fails then.
   */
  readonly standsBy?: boolean;
  /**
   * A recording whose markets are given by the command line: nothing is kept in settings, and of them the
   * dialect alone is read, without which the feed could not be understood.
   */
  readonly fixed?: { readonly markets: readonly string[]; readonly granularities: readonly Granularity[] };
}

/** One view. `request` never throws: bad input is answered with a `bad-argument` reply. */
export interface CoreClient {
  /** One message of the view as it came off the transport, unchecked. */
  request(message: unknown): void;
  close(): void;
}

export interface RecordReport {
  readonly session: number | null;
  readonly trades: FeedCounts & { readonly duplicates: number };
  readonly candles: FeedCounts;
  readonly connections: number;
  readonly gaps: number;
}

export interface Core {
  /** A view joins: it is sent a snapshot at once, then events. */
  connect(send: (message: Message) => void): CoreClient;
  /** Same as the command `source.set`, for hosts (`--demo`). @throws {QuipuError} */
  start(source: 'live' | 'demo'): Promise<void>;
  /** Goes on with what the user chose last: the real feed when there is a key, or the demo feed. */
  resume(): Promise<void>;
  links(): Readonly<Record<Endpoint, LinkState>>;
  /** The computer is about to sleep: the links let go of sockets that would not outlive it. */
  sleep(): void;
  /** It woke up: the links connect at once. Needs no `sleep` before. */
  wake(): void;
  report(): RecordReport;
  /** Flushes what was received, ends the session, closes the store. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the store and is ready for views; connects to nothing until `start`, `resume` or a command.
 *
 * @throws {QuipuError} kind `storage` when the folder cannot be used, `in-use` when another Quipu records into it
 */
export async function createCore(options: CoreOptions): Promise<Core> {
  let early: AppError | null = null;
  let core: QuipuCore | null = null;
  let inUse: AppError | null = null;
  const store = await openStore({
    folder: options.folder,
    workerScript: options.ports.workerScript,
    progress: options.progress,
    slow: (query) => logSlow(options.ports.logger, query),
    notice: (notice) => {
      early = notice;
      core?.note(notice);
    },
    deleted: () => core?.deleted(),
    ...(options.standsBy === true && {
      standby: {
        waits: (problem) => {
          inUse = problem;
          core?.standBy(problem);
        },
        tookOver: () => {
          inUse = null;
          core?.takeOver();
        },
      },
    }),
  });
  core = new QuipuCore(options, store);
  if (inUse !== null) core.standBy(inUse);
  // After what is kept of a mute was read, which it must not break.
  await core.prepare();
  if (early !== null) core.note(early);
  return core;
}

type Handlers = {
  readonly [N in CommandName]: (args: CommandArgs<N>, client: HubClient) => Promise<CommandValue<N>>;
};

const NO_REPORT: RecordReport = {
  session: null,
  trades: { received: 0, stored: 0, duplicates: 0, refused: 0 },
  candles: { received: 0, stored: 0, refused: 0 },
  connections: 0,
  gaps: 0,
};

class QuipuCore implements Core {
  readonly #options: CoreOptions;
  /** The user's own recordings; those of the demo feed are in a store of their own. */
  readonly #ownStore: Store;
  readonly #hub: Hub;
  readonly #timers: Timer[];
  readonly #dialect: OwnDialect;
  readonly #announcer: Announcer;
  /** Since when the user has paused the recording; ends with the feed, since a new one begins to record. */
  #pausedSince: Millis | null = null;
  #feed: Feed | null = null;
  readonly #key: OwnKey;
  #settings: Settings = { theme: 'system' };
  #storeState: StoreState;
  #notice: AppError | null = null;
  readonly #cords = new SessionCords();
  readonly #sessions = new SessionEdits({
    store: () => this.#store,
    now: () => Math.floor(this.#now() / 1000),
    edited: (session) => this.#feed?.recorder.edited(session),
    recordChanged: () => {
      this.#cords.forget(this.#store);
      this.#feed?.coverage.reread();
      void this.#readStoreState();
    },
    tell: (event) => this.#hub.broadcast(event),
  });
  readonly #lowDisk = new LowDisk();
  #rowsDirty = false;
  #closed = false;
  /** Why nothing can be recorded while another Quipu does, and how to go on once it has ended. */
  #inUse: AppError | null = null;
  readonly #other = new OtherRecord({
    own: {
      readSetting: (name) => this.#ownStore.readSetting(name),
      sessions: () => this.#ownStore.sessions(),
    },
    openDemo: () =>
      openStore({
        folder: `${this.#options.folder}/demo`,
        workerScript: this.#options.ports.workerScript,
        slow: (query) => logSlow(this.#options.ports.logger, query),
        readOnly: true,
      }),
    problem: () => this.#inUse,
    changed: () => {
      if (this.#inUse !== null) this.#inUse = this.#standing(this.#inUse);
      this.deleted();
      this.#announceRecording();
    },
  });
  #afterwards: (() => Promise<void>) | null = null;
  /** Changes of the feed one after the other: each closes what the former opened. */
  #changes: Promise<void> = Promise.resolve();
  #lastReport = NO_REPORT;

  constructor(options: CoreOptions, store: Store) {
    const { clock } = options.ports;
    this.#key = new OwnKey(options.ports.secrets, options.environmentKey);
    const logger = keylessLogger(options.ports.logger, () => this.#key.value);
    this.#options = { ...options, ports: { ...options.ports, logger } };
    this.#ownStore = store;
    this.#hub = new Hub(clock);
    this.#dialect = new OwnDialect(store, options.dialect ?? null, options.addresses);
    this.#announcer = new Announcer({
      clock,
      notifier: options.ports.notifier ?? null,
      changed: (announcements) => this.#hub.broadcast({ type: 'announcements', announcements }),
    });
    this.#hub.join(
      new HubClient((message) => {
        if (message.kind === 'event') this.#announcer.take(message.event);
      }),
    );
    this.#storeState = { folder: options.folder, bytes: 0, free: null, disk: null, trades: 0, candles: 0 };
    // First what could not be done before; then whatever else was done there.
    options.ports.secrets.unlocked?.(() => this.#unasked(this.#retryKey().then(() => this.#renewKey())));
    this.#timers = [
      clock.every(TICK_MS, () => this.#tick()),
      clock.every(1_000, () => this.#second()),
      clock.every(STORE_STATE_MS, () => void this.#readStoreState()),
    ];
  }

  /** Reads what outlives a restart. A keychain that cannot be used is a state, not a failure. */
  async prepare(): Promise<void> {
    if (this.#options.fixed === undefined) {
      const json = await this.#ownStore.readSetting('settings');
      if (json !== null) this.#settings = { ...this.#settings, ...storedSettings(json) };
      const mute = await this.#ownStore.readSetting('mute');
      if (mute !== null) this.#announcer.restore(mute);
    }
    await this.#dialect.read();
    await this.#key.read();
    await this.#readStoreState();
  }

  /** Tells every view what the user must know, until the user puts it away. */
  note(notice: AppError): void {
    this.#options.ports.logger.log('error', notice.message, { action: notice.action });
    this.#setNotice(notice);
  }

  /** Retention deleted something, or is to: what was read of it is of before. */
  deleted(): void {
    this.#cords.forget(this.#store);
    this.#feed?.coverage.reread();
    this.#hub.broadcast({ type: 'retention' });
    void this.#readStoreState();
  }

  #setNotice(notice: AppError | null): void {
    this.#notice = notice;
    this.#hub.broadcast({ type: 'notice', notice });
  }

  connect(send: (message: Message) => void): CoreClient {
    const client = new HubClient(send);
    this.#hub.join(client);
    client.event({ type: 'snapshot', snapshot: this.#snapshot() });
    return {
      request: (message) => void this.#answer(client, message),
      close: () => this.#hub.leave(client),
    };
  }

  /** Another Quipu records into the folder: this one reads until it ends. */
  standBy(problem: AppError): void {
    if (this.#inUse?.message === problem.message) return;
    this.#inUse = this.#standing(problem);
    this.#other.look();
    this.#options.ports.logger.log('warn', 'Quipu reads, since another one records', {
      why: problem.message,
    });
    this.#announceRecording();
  }

  #standing(problem: AppError): AppError {
    const what = this.#other.demo === null ? 'What it recorded' : 'What it recorded of the demo feed';
    const action = `${what} can be read here. This Quipu connects and records once that one has ended.`;
    return { ...problem, action };
  }

  /** The other Quipu has ended, and the folder is this one's. */
  takeOver(): void {
    this.#inUse = null;
    this.#unasked(this.#other.end());
    this.#options.ports.logger.log('info', 'the other Quipu has ended, so this one takes over');
    this.deleted();
    this.#announceRecording();
    const go = this.#afterwards;
    this.#afterwards = null;
    this.#unasked(this.prepare().then(go));
  }

  /** What no view waits for. */
  #unasked(done: Promise<unknown>): void {
    done.catch((error: unknown) => {
      if (this.#closed) return;
      // It is on the screen too, where it can be put right.
      this.#options.ports.logger.log('error', 'the feed could not be started', { ...toAppError(error) });
    });
  }

  /** See the command `key.retry`. */
  async #retryKey(): Promise<void> {
    const hadKey = this.#key.value !== null;
    await this.#key.retry();
    // It was all that kept the feed from being watched.
    if (!hadKey && this.#key.value !== null && this.#feed === null) await this.resume();
    this.#announceKey();
  }

  /** Goes on with the key that the keychain has now. @returns whether another program has changed it */
  async #renewKey(): Promise<boolean> {
    const isOther = await this.#key.renew();
    if (isOther)
      this.#options.ports.logger.log('info', 'the keychain has another key, which is used from now on');
    if (isOther && this.#feed?.source === 'live') await this.#change('live');
    else this.#announceKey();
    return isOther;
  }

  async start(source: 'live' | 'demo'): Promise<void> {
    if (this.#inUse === null) return this.#change(source);
    this.#afterwards = () => this.#change(source);
  }

  async resume(): Promise<void> {
    if (this.#inUse !== null) {
      this.#afterwards = () => this.resume();
      return;
    }
    if (this.#key.value !== null) return this.#change('live');
    if ((await this.#ownStore.readSetting('source')) === '"demo"') return this.#change('demo');
  }

  links(): Readonly<Record<Endpoint, LinkState>> {
    return this.#feed?.links ?? { trades: this.#idle('trades'), candles: this.#idle('candles') };
  }

  sleep(): void {
    this.#feed?.sleep();
  }

  wake(): void {
    this.#feed?.wake();
  }

  report(): RecordReport {
    return this.#feed?.recorder.report ?? this.#lastReport;
  }

  async close(): Promise<void> {
    if (this.#closed) return this.#changes;
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#announcer.close();
    this.#changes = this.#changes.then(async () => {
      // What could not be saved is told; what is open is closed all the same, or the process would not end.
      try {
        await this.#stopFeed();
      } finally {
        await this.#other.end().finally(() => {
          this.#hub.close();
          return this.#ownStore.close();
        });
      }
    });
    return this.#changes;
  }

  /** Ends the present feed and begins that one. */
  #change(source: SourceKind): Promise<void> {
    if (this.#closed) return Promise.reject(new QuipuError('closed', 'Quipu is closing.'));
    const done = this.#changes.then(async () => {
      if (this.#inUse !== null) throw new QuipuError('in-use', this.#inUse.message, this.#inUse.action);
      if (source === 'live' && this.#key.value === null) {
        throw new QuipuError('no-key', 'There is no API key.', 'Enter the key that Inca Digital gave you.');
      }
      try {
        await this.#stopFeed();
        if (source !== 'none') await this.#startFeed(source);
        if (this.#options.fixed === undefined)
          await this.#ownStore.writeSetting('source', JSON.stringify(source));
      } finally {
        await this.#readStoreState();
        this.#announce();
      }
    });
    // A failed change must not stop the next one.
    this.#changes = done.catch(() => undefined);
    return done;
  }

  async #startFeed(source: 'live' | 'demo'): Promise<void> {
    const { fixed, folder, ports } = this.#options;
    // The demo's server speaks the default, whatever the real one speaks.
    const dialect = source === 'demo' ? DEFAULT_DIALECT : this.#dialect.dialect;
    const demo = source === 'demo' ? await ports.startDemoFeed() : null;
    let feed: Feed;
    try {
      const store =
        demo === null
          ? this.#ownStore
          : await openStore({
              folder: `${folder}/demo`,
              workerScript: ports.workerScript,
              progress: this.#options.progress,
              slow: (query) => logSlow(ports.logger, query),
              notice: (notice) => this.note(notice),
              deleted: () => this.deleted(),
            });
      feed = new Feed({
        source,
        addresses: demo?.addresses ?? this.#dialect.addresses,
        dialect,
        key: demo?.key ?? this.#key.value,
        granularities: fixed?.granularities ?? GRANULARITIES,
        store,
        ports,
        hub: this.#hub,
        demo,
        rowsChanged: () => {
          this.#rowsDirty = true;
        },
        recordingChanged: () => this.#announceRecording(),
        refused: () => this.#unasked(this.#renewKey()),
      });
    } catch (error) {
      await demo?.close();
      throw error;
    }
    this.#feed = feed;
    await feed.dictionary.restore();
    // The demo's markets are its dictionary; the real one may be slow and is not waited for.
    const dictionary = feed.dictionary.load();
    if (demo !== null) await dictionary;
    await feed.start(fixed?.markets ?? (await this.#watchlist(feed)));
  }

  async #watchlist(feed: Feed): Promise<readonly string[]> {
    const json = await feed.store.readSetting('watchlist');
    if (json !== null) return guards['watch.set']({ markets: JSON.parse(json) as unknown }).markets;
    return feed.source === 'demo' ? feed.dictionary.activeIds.slice(0, MAX_MARKETS) : [];
  }

  async #stopFeed(): Promise<void> {
    const feed = this.#feed;
    if (feed === null) return;
    try {
      await feed.stop();
    } finally {
      this.#lastReport = feed.recorder.report;
      this.#pausedSince = null;
      this.#feed = null;
      if (feed.store !== this.#ownStore) await feed.store.close();
    }
  }

  get #store(): Store {
    return this.#feed?.store ?? this.#other.demo ?? this.#ownStore;
  }

  async #readStoreState(): Promise<void> {
    try {
      this.#storeState = await this.#store.state();
      this.#hub.broadcast({ type: 'store', store: this.#storeState });
      this.#noteDisk();
    } catch (error) {
      if (!this.#closed)
        this.#options.ports.logger.log('warn', 'the store’s state cannot be read', {
          message: toAppError(error).message,
        });
    }
  }

  #noteDisk(): void {
    const before = this.#lowDisk.told;
    const told = this.#lowDisk.take(this.#storeState);
    if (told === null) {
      if (this.#notice === before) this.#setNotice(null);
    } else if (told !== undefined) {
      this.note(told);
    }
  }

  #tick(): void {
    const feed = this.#feed;
    if (feed === null) return;
    if (this.#rowsDirty) {
      this.#rowsDirty = false;
      this.#hub.broadcast({ type: 'watchlist', rows: feed.board.rows() });
    }
    const ticks = feed.board.takeTicks();
    if (ticks.length > 0) this.#hub.broadcast({ type: 'ticks', ticks });
    for (const event of feed.coverage.events()) this.#hub.broadcast(event);
  }

  #second(): void {
    if (this.#inUse !== null) this.#other.look();
    const feed = this.#feed;
    if (feed === null) return;
    feed.board.second();
    const links = feed.links;
    for (const endpoint of ENDPOINTS) this.#hub.broadcast({ type: 'link', link: links[endpoint] });
    this.#announceRecording();
  }

  #announceKey(): void {
    this.#hub.broadcast({ type: 'source', source: this.#feed?.source ?? 'none', key: this.#key.state });
  }

  #announceRecording(): void {
    this.#hub.broadcast({ type: 'recording', recording: this.#recording() });
  }

  #announce(): void {
    this.#hub.broadcast({ type: 'snapshot', snapshot: this.#snapshot() });
  }

  #recording(): Snapshot['recording'] {
    const recording = this.#feed?.recorder.recording ?? {
      state: 'stopped',
      session: null,
      problem: this.#inUse,
    };
    return this.#pausedSince === null || recording.state !== 'stopped'
      ? recording
      : { ...recording, pausedSince: this.#pausedSince };
  }

  #snapshot(): Snapshot {
    return {
      version: CONTRACT_VERSION,
      app: { version: this.#options.version, host: this.#options.host },
      now: Math.floor(this.#options.ports.clock.now() / 1000),
      source: this.#feed?.source ?? 'none',
      key: this.#key.state,
      links: this.links(),
      recording: this.#recording(),
      watchlist: this.#feed?.board.rows() ?? [],
      dictionary: this.#feed?.dictionary.state ?? NO_DICTIONARY,
      store: this.#storeState,
      notice: this.#notice,
      settings: this.#settings,
      dialect: this.#dialect.state,
      known: this.#feed?.coverage.known ?? null,
      announcements: this.#announcer.announcements,
    };
  }

  #idle(endpoint: Endpoint): LinkState {
    return {
      endpoint,
      url: this.#dialect.addresses[endpoint],
      phase: 'idle',
      since: Math.floor(this.#options.ports.clock.now() / 1000),
      problem: null,
      retryAt: null,
      attempt: 0,
      connections: 0,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
      lagP50: null,
      lagP95: null,
      lagP99: null,
      clockOffset: null,
      roundTrip: null,
      refused: 0,
    };
  }

  async #answer(client: HubClient, message: unknown): Promise<void> {
    const request = requestOf(message);
    if (request === null) {
      this.#options.ports.logger.log('warn', 'a view sent what is no request');
      return;
    }
    const result = await this.#dispatch(client, request.command, request.args);
    client.message({ kind: 'reply', id: request.id, result });
  }

  async #dispatch(client: HubClient, command: string, args: unknown): Promise<Result<unknown>> {
    if (this.#closed) return fail('closed', 'Quipu is closing.');
    if (!Object.hasOwn(this.#handlers, command))
      return fail('unknown-command', `There is no command ${command.slice(0, 60)}.`);
    try {
      return ok(await this.#run(command as CommandName, args, client));
    } catch (error) {
      const known = toAppError(error);
      if (known.kind === 'internal') {
        this.#options.ports.logger.log('error', 'a command failed', { command, message: known.message });
      }
      return { ok: false, error: known };
    }
  }

  #run<N extends CommandName>(command: N, args: unknown, client: HubClient): Promise<CommandValue<N>> {
    return this.#handlers[command](guards[command](args), client);
  }

  readonly #handlers: Handlers = {
    'key.set': async ({ key }) => {
      await this.#key.set(key);
      await this.#change('live');
      return null;
    },
    'key.forget': async () => {
      await this.#key.forget();
      if (this.#feed?.source === 'live') await this.#change('none');
      else this.#announceKey();
      return null;
    },
    'key.test': async ({ key }) => {
      if (key === null) await this.#renewKey();
      const { addresses, dialect } = this.#dialect;
      return { verdicts: await this.#key.test(key, addresses, dialect, this.#options.ports.sockets) };
    },
    'key.retry': async () => {
      await this.#retryKey();
      return null;
    },
    'source.set': async ({ source }) => {
      await this.#change(source);
      return null;
    },
    'link.retry': async ({ endpoint }) => {
      const endpoints = endpoint === null ? ENDPOINTS : [endpoint];
      const links = this.links();
      // With another key, all links are begun anew.
      if (endpoints.some((each) => links[each].phase === 'refused') && (await this.#renewKey())) return null;
      for (const each of endpoints) this.#feed?.retry(each);
      return null;
    },
    'recording.set': async ({ on }) => {
      const { recorder } = this.#running();
      this.#pausedSince = on ? null : Math.floor(this.#now() / 1000);
      await (on ? recorder.begin() : recorder.end());
      this.#announceRecording();
      return null;
    },
    'watch.retry': async ({ markets }) => {
      this.#running().askAgain(markets);
      return null;
    },
    'watch.set': async ({ markets }) => {
      const feed = this.#running();
      // Kept at once: a change that comes before the rows of this one are read must be kept after it.
      await Promise.all([
        feed.setMarkets(markets),
        feed.store.writeSetting('watchlist', JSON.stringify(markets)),
      ]);
      return null;
    },
    'markets.search': async ({ text, limit }) =>
      this.#feed?.dictionary.search(text, limit) ?? { total: 0, markets: [], read: null },
    'markets.browse': async (query) => this.#feed?.dictionary.browse(query) ?? nothingFound(query.offset),
    'markets.reload': async () => {
      // Not waited for: events tell how it goes.
      void this.#running().dictionary.load();
      return null;
    },
    'follow.set': async ({ charts, tapes }, client) => {
      client.charts = charts;
      client.tapes = tapes;
      this.#hub.followed();
      return null;
    },
    'candles.page': ({ chart, before, limit }) => this.#store.candlePage(chart, before, limit),
    'trades.page': ({ market, before, limit }) => this.#store.tradePage(market, before, limit),
    'buckets.page': (range) => this.#store.buckets(range),
    'sessions.list': () => this.#sessions.list(),
    'sessions.edit': ({ session, ...edit }) => this.#sessions.edit(session, edit),
    'sessions.delete': ({ session }) => this.#sessions.remove(session),
    'sessions.restore': ({ session }) => this.#sessions.restore(session),
    'journal.page': ({ before, limit, ...filter }) =>
      this.#feed?.recorder.journalPage(filter, before, limit) ??
      this.#store.journalPage(filter, before, limit),
    'health.page': ({ endpoint, before, limit }) => this.#store.healthPage(endpoint, before, limit),
    'refusals.list': async ({ session }) => ({
      refusals:
        (await this.#feed?.recorder.refusals(session)) ??
        (session === null ? [] : await this.#store.refusals(session)),
    }),
    'frames.list': async ({ endpoint }) => ({ frames: this.#feed?.frames(endpoint) ?? [] }),
    'notice.dismiss': async () => {
      this.#setNotice(null);
      return null;
    },
    'announcements.seen': async ({ upTo }) => {
      this.#announcer.seen(upTo);
      return null;
    },
    'announcements.mute': async ({ for: length }) => {
      await this.#ownStore.writeSetting('mute', JSON.stringify(this.#announcer.mute(length)));
      return null;
    },
    'coverage.page': ({ market, endpoint, from, to }) =>
      this.#store.coveragePage(market, endpoint, from, to, this.#now()),
    'coverage.recent': () => {
      const now = this.#now();
      return this.#store.coverageRecent(this.#feed?.board.markets ?? [], now - RECENT_MICROS, now);
    },
    'coverage.sessions': async ({ sessions, buckets }) => {
      const newest = this.#feed?.recorder.report.session ?? null;
      const store = this.#store;
      const cords = await Promise.all(sessions.map((each) => this.#cords.of(store, each, buckets, newest)));
      return { cords: cords.filter((cord) => cord !== null) };
    },
    'coverage.session': ({ session, markets, buckets }) =>
      this.#store.sessionLines(session, markets, buckets),
    'settings.set': async ({ settings }) => {
      this.#settings = { ...this.#settings, ...settings };
      await this.#ownStore.writeSetting('settings', JSON.stringify(this.#settings));
      this.#hub.broadcast({ type: 'settings', settings: this.#settings });
      return null;
    },
    'retention.get': () => this.#store.retention(),
    'retention.preview': ({ policy }) => this.#store.retentionPreview(policy, this.#now()),
    'retention.set': async ({ policy }) => {
      await this.#store.setRetention(policy);
      this.deleted();
      return null;
    },
    'dialect.get': async () => this.#dialect.documents,
    'dialect.set': async ({ document }) => {
      // A dialect that could not be used kept the real feed from being connected at all.
      const isAwaited =
        this.#dialect.state.problem !== null && this.#feed === null && this.#key.value !== null;
      const isOther = await this.#dialect.set(document);
      if (isOther && (isAwaited || this.#feed?.source === 'live')) await this.#change('live');
      else this.#hub.broadcast({ type: 'dialect', dialect: this.#dialect.state });
      return null;
    },
    'dialect.preview': async ({ document, endpoint, frame }) => {
      const feed = this.#feed;
      return this.#dialect.preview(document, endpoint, frame, {
        lookup: feed === null ? null : (venue, pair) => feed.dictionary.marketLookup(venue, pair),
        names: (market) => feed?.dictionary.marketNames(market) ?? null,
        market: feed?.board.markets[0] ?? null,
        granularities: this.#options.fixed?.granularities ?? GRANULARITIES,
      });
    },
  };

  #now(): Micros {
    return Math.floor(this.#options.ports.clock.now());
  }

  #running(): Feed {
    if (this.#feed === null) {
      if (this.#inUse !== null) throw new QuipuError('in-use', this.#inUse.message, this.#inUse.action);
      throw new QuipuError('not-found', 'No feed is connected.', 'Enter a key or watch the demo feed first.');
    }
    return this.#feed;
  }
}

/** Settings as stored; what an older or newer Quipu wrote and this one does not know is left out. */
function storedSettings(json: string): Partial<Settings> {
  try {
    return settingsOf(JSON.parse(json));
  } catch {
    return {};
  }
}

function requestOf(message: unknown): { id: number; command: string; args: unknown } | null {
  if (typeof message !== 'object' || message === null) return null;
  const { id, command, args } = message as Readonly<Record<string, unknown>>;
  return typeof id === 'number' && typeof command === 'string' ? { id, command, args } : null;
}
