/**
 * What the views read: the core's state by snapshot and events, the markets that are on the
 * screen, and the commands that a user gives. Bulk data (candles, trades) stays in plain objects;
 * views depend on a revision that goes up at most once an animation frame.
 */
import { CONTRACT_VERSION, MAX_WATCHED } from '../../main/core/contract.ts';
import type {
  AnnouncementTarget,
  ChartKey,
  CommandArgs,
  CommandName,
  CommandValue,
  CoreEvent,
  DictionaryState,
  Endpoint,
  Gap,
  Granularity,
  Millis,
  RecordingState,
  RemovedSession,
  SessionSummary,
  Snapshot,
  SourceKind,
  Theme,
  WatchRow,
} from '../../main/core/contract.ts';
import { MAIN, type PageCommand, type Place, placeHash } from '../../main/core/desk.ts';
import { fail } from '../../main/core/result.ts';
import type { AppError, Result } from '../../main/core/result.ts';
import { keepOpen } from './bridge.ts';
import type { Bridge, BridgeState, Transport } from './bridge.ts';
import { baseOf, Charts } from './charts.ts';
import type { Feed, Step } from './charts.ts';
import type { Client } from './client.ts';
import { CoverageLoader } from './coverage-loader.ts';
import { DialectEditor } from './dialect-editor.svelte.ts';
import { FeedView } from './feed-view.svelte.ts';
import { onNextFrame } from './frames.ts';
import { MarketList } from './market-list.svelte.ts';
import { readSteps, writeSteps } from './preferences.ts';
import { reduce, withGap } from './reduce.ts';
import type { View } from './reduce.ts';
import { RetentionEditor } from './retention-editor.svelte.ts';
import { arrange } from './slots.ts';
import type { Slots } from './slots.ts';
import { Tape } from './tape.ts';
import { idSet, withMarkets, withoutMarkets } from './watchlist.ts';

export type Tab = 'live' | 'markets' | 'sessions' | 'feed' | 'settings';

export type SettingsPart = 'appearance' | 'desktop' | 'key' | 'dialect' | 'storage';

const TAB_OF: Readonly<Record<Extract<PageCommand, `tab.${Tab}`>, Tab>> = {
  'tab.live': 'live',
  'tab.markets': 'markets',
  'tab.sessions': 'sessions',
  'tab.feed': 'feed',
  'tab.settings': 'settings',
};

/** Trades asked for at a time. */
const TAPE_PAGE = 500;

export class App {
  /** null until the first snapshot. */
  view = $state.raw<View | null>(null);
  bridge = $state.raw<BridgeState>({ phase: 'opening' });
  /** What a command could not do; shown in the status bar until the next one succeeds. */
  notice = $state.raw<AppError | null>(null);
  /** The core speaks another version of the contract than this page. */
  mismatch = $state(false);
  /** The core's wall clock, once a second. */
  now = $state<Millis>(Date.now());

  tab = $state<Tab>('live');
  settingsPart = $state<SettingsPart>('appearance');
  connectionOpen = $state(false);
  announcementsOpen = $state(false);
  /** The moment that the large chart was asked to show; another object each time. */
  moment = $state.raw<{ readonly market: string; readonly at: Millis } | null>(null);
  /** Goes up when the search field is asked for from elsewhere. */
  searchAsked = $state(0);
  slots = $state.raw<Slots>([]);
  steps = $state.raw<readonly Step[]>(readSteps());
  /** Go up when there is something new to draw. */
  tapeRevision = $state(0);
  chartsRevision = $state(0);
  coverageRevision = $state(0);
  tapeLoading = $state(false);
  /** There may be older trades than those on the tape. */
  tapeMore = $state(false);
  sessions = $state.raw<readonly SessionSummary[] | null>(null);
  /** Sessions that were deleted and can be restored, the last deleted first. */
  removed = $state.raw<readonly RemovedSession[]>([]);
  /** The session whose markets are shown in the list. */
  openedSession = $state<number | null>(null);

  /** From this window's clock to the core's. */
  #clockOffset: Millis = 0;

  readonly tape = new Tape();
  readonly charts: Charts;
  readonly feedView = new FeedView((name, args) => this.ask(name, args));
  readonly markets = new MarketList((args) => this.ask('markets.browse', args));
  readonly dialect = new DialectEditor((name, args) => this.ask(name, args));
  readonly retention = new RetentionEditor((name, args) => this.ask(name, args));
  readonly coverage: CoverageLoader;

  /** Milliseconds to the next attempt on the bridge; null while none is due. */
  readonly bridgeWait = $derived(
    this.bridge.phase === 'lost' && this.bridge.retryAt !== null
      ? Math.max(0, this.bridge.retryAt + this.#clockOffset - this.now)
      : null,
  );

  /** The watchlist that was asked for, until the core shows it: the next change builds on it. */
  #wanted = $state.raw<readonly string[] | null>(null);
  /** The ids of the watchlist, as it will be once the core has done what was asked of it. */
  readonly watched: ReadonlySet<string> = $derived(
    idSet(this.#wanted ?? this.view?.watchlist.map((row) => row.market.id) ?? []),
  );

  readonly main = $derived(this.row(this.slots[0] ?? null));

  readonly #bridge: Bridge;
  readonly #ticker: ReturnType<typeof setInterval>;
  #client: Client | null = null;
  /** Where to go once the watchlist is there. */
  #going: AnnouncementTarget | null = null;
  /** Ahead of `view` within a frame. */
  #next: View | null = null;
  #stateChanged = false;
  #tapeChanged = false;
  #chartsChanged = false;
  #coverageChanged = false;
  #tapeMarket: string | null = null;
  /** Goes up when pages that are still due are of another record. */
  #turn = 0;
  #followed = '';
  #schedule: () => void;
  /** What this window shows. */
  readonly place: Place;

  constructor(transport: Transport, place: Place = MAIN) {
    this.place = place;
    if (place.kind === 'session') {
      this.tab = 'sessions';
      this.openedSession = place.session;
    }
    this.#schedule = onNextFrame(() => this.#publish());
    this.charts = new Charts(
      () => {
        this.#chartsChanged = true;
        this.#schedule();
      },
      (gap) => this.#noteGap(gap),
    );
    this.coverage = new CoverageLoader(
      () => {
        this.#coverageChanged = true;
        this.#schedule();
      },
      () => Date.now() + this.#clockOffset,
    );
    this.#ticker = setInterval(() => {
      this.now = Date.now() + this.#clockOffset;
    }, 1000);
    this.#bridge = keepOpen(transport, {
      state: (state) => {
        this.bridge = state;
      },
      client: (client) => {
        this.#client = client;
        client.onEvent((event) => {
          if (this.#client === client) this.#take(event);
        });
      },
    });
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#bridge.close();
  }

  /** The watchlist's row of a market. */
  row(market: string | null): WatchRow | null {
    if (market === null) return null;
    return this.view?.watchlist.find((row) => row.market.id === market) ?? null;
  }

  feed(market: string, granularity: Granularity): Feed | null {
    return this.charts.find(market, granularity);
  }

  /** Gaps of one endpoint that are known here, oldest first. */
  gapsOf(endpoint: Endpoint): readonly Gap[] {
    return this.view?.gaps.filter((gap) => gap.endpoint === endpoint) ?? [];
  }

  /** Runs a command; what fails is shown in the status bar too. */
  async call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<Result<CommandValue<N>>> {
    const result = await this.ask(name, args);
    this.notice = result.ok ? null : result.error;
    return result;
  }

  /** Runs a command whose failure the caller shows in its own place. */
  async ask<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<Result<CommandValue<N>>> {
    if (this.#client === null) return fail('closed', 'The connection to Quipu is lost.');
    return this.#client.call(name, args);
  }

  select(market: string): void {
    this.#place(market);
    this.tab = 'live';
  }

  /** Shows what an announcement tells of; before the first snapshot, once it is there. */
  goTo(target: AnnouncementTarget): void {
    if (this.#next === null) {
      this.#going = target;
      return;
    }
    const { view, market, at } = target;
    if (view === 'announcements') {
      this.announcementsOpen = true;
      return;
    }
    this.tab = view;
    if (view !== 'live') return;
    if (market !== null) this.#place(market);
    const shown = this.slots[0] ?? null;
    // A market that has left the watchlist is not shown at a moment of another's.
    if (shown !== null && at !== null && (market === null || market === shown)) {
      this.moment = { market: shown, at };
    }
  }

  /** Opens the settings where the feed dialect is. */
  showDialect(): void {
    this.settingsPart = 'dialect';
    this.tab = 'settings';
  }

  /** Does what was chosen in a menu or by its key. */
  run(command: PageCommand): void {
    const isWhole = this.place.kind === 'main';
    if (command === 'connection') this.connectionOpen = !this.connectionOpen;
    else if (command === 'window.own') this.#openShown();
    else if (!isWhole) return;
    else if (command === 'search') this.searchAsked++;
    else this.tab = TAB_OF[command];
  }

  /** Opens a market or a session in a window of its own: the host makes it, or the browser a tab. */
  openWindow(place: Place): void {
    window.open(`${window.location.pathname}${window.location.search}${placeHash(place)}`, '_blank');
  }

  setStep(slot: number, step: Step): void {
    this.steps = this.steps.map((known, i) => (i === slot ? step : known));
    // The other windows' charts are the ones that a new window of the whole app has.
    if (this.place.kind === 'main') writeSteps(this.steps);
    this.#follow();
  }

  addMarket(market: string): Promise<void> {
    return this.addMarkets([market]);
  }

  /** Adds as many as the watchlist takes, in their order, and says so when that is not all. */
  async addMarkets(markets: readonly string[]): Promise<void> {
    const { ids, added, left } = withMarkets(this.#wanted ?? this.#ids(), markets);
    if (added > 0) await this.#setWatchlist(ids);
    if (left === 0) return;
    const what = added === 0 ? 'Nothing was' : `Only ${added} of ${added + left} were`;
    this.notice = {
      kind: 'bad-argument',
      message: `${what} added: the watchlist takes ${MAX_WATCHED} markets.`,
      action: 'Remove some first.',
    };
  }

  async removeMarket(market: string): Promise<void> {
    const ids = this.#wanted ?? this.#ids();
    if (ids.includes(market)) await this.#setWatchlist(ids.filter((id) => id !== market));
  }

  /** Asks the server again for those that it refused or did not confirm; null: for all. */
  retryMarkets(markets: readonly string[] | null): Promise<Result<null>> {
    return this.call('watch.retry', { markets });
  }

  setSource(source: SourceKind): Promise<Result<null>> {
    return this.call('source.set', { source });
  }

  setTheme(theme: Theme): Promise<Result<null>> {
    return this.call('settings.set', { settings: { theme } });
  }

  retryBridge(): void {
    this.#bridge.retryNow();
  }

  /** Asks for the list of sessions anew. */
  async loadSessions(): Promise<void> {
    const result = await this.call('sessions.list', {});
    if (!result.ok) return;
    this.sessions = [...result.value.sessions].sort(newestFirst);
    this.removed = result.value.removed;
  }

  /** Nothing on the tape moves until `releaseTape`; new trades wait. */
  holdTape(): void {
    this.tape.hold();
  }

  releaseTape(): void {
    this.tape.release();
    this.#touchTape();
  }

  /** Loads the page before the oldest trade of the tape, when there is one. */
  async loadOlderTrades(): Promise<void> {
    const oldest = this.tape.oldest;
    if (this.tapeLoading || !this.tapeMore || oldest === null || this.tape.full) return;
    // Trades of the same microsecond can lie on either side of a page's edge, so the edge is asked
    // for again and what is here already is taken out.
    const added = await this.#loadTrades(oldest + 1);
    if (added === 0 && this.tapeMore) await this.#loadTrades(oldest);
  }

  async removeMarkets(markets: readonly string[]): Promise<void> {
    await this.#setWatchlist(withoutMarkets(this.#wanted ?? this.#ids(), markets));
  }

  /** Reads the dictionary from the server now. */
  reloadMarkets(): Promise<Result<null>> {
    return this.call('markets.reload', {});
  }

  /** The session that is opened in the list, else the market of the large chart. */
  #openShown(): void {
    const market = this.slots[0] ?? null;
    if (this.place.kind !== 'main') return;
    if (this.tab === 'sessions' && this.openedSession !== null)
      this.openWindow({ kind: 'session', session: this.openedSession });
    else if (this.tab === 'live' && market !== null) this.openWindow({ kind: 'market', market });
  }

  async #setWatchlist(markets: readonly string[]): Promise<void> {
    this.#wanted = markets;
    const result = await this.call('watch.set', { markets });
    if (!result.ok) this.#wanted = null;
  }

  /** The core has not told yet that it took the last change of the watchlist, which is shown already. */
  get isWatchlistDue(): boolean {
    return this.#wanted !== null;
  }

  #ids(): readonly string[] {
    return this.#next?.watchlist.map((row) => row.market.id) ?? [];
  }

  #take(event: CoreEvent): void {
    const now = Date.now() + this.#clockOffset;
    switch (event.type) {
      case 'snapshot':
        this.#start(event.snapshot);
        break;
      case 'trades':
        if (event.market !== this.#tapeMarket) return;
        this.tape.add(event.bytes);
        this.#touchTape();
        return;
      case 'candles':
        this.charts.apply(event.chart, event.candles);
        return;
      case 'gap':
        this.#touchTape();
        break;
      case 'coverage':
        this.coverage.take(event);
        break;
      case 'source':
        // Each source has a store of its own.
        if (event.source !== this.#next?.source) {
          this.#forget(null);
          this.retention.reset();
        }
        break;
      case 'session':
        if (event.change !== 'edited') this.#renew();
        break;
      case 'retention':
        this.coverage.refresh();
        void this.loadSessions();
        this.retention.changed();
        break;
    }
    const before = this.#next;
    this.#next = reduce(before, event, now);
    this.#stateChanged ||= this.#next !== before;
    if (event.type === 'watchlist' && this.#wanted?.join('\n') === this.#ids().join('\n'))
      this.#wanted = null;
    if (event.type === 'snapshot' || event.type === 'watchlist' || event.type === 'source') this.#place(null);
    if (event.type === 'session' && event.change !== 'edited') this.#place(null);
    if (event.type === 'snapshot' || event.type === 'session') void this.loadSessions();
    if (event.type === 'snapshot' && this.#going !== null) {
      const going = this.#going;
      this.#going = null;
      this.goTo(going);
    }
    if (event.type === 'dictionary' && isRenewed(event.dictionary, before?.dictionary))
      this.markets.renewed();
    if (event.type === 'recording' && this.sessions !== null) this.#noteRecording(event.recording, before);
    this.feedView.take(event);
    if (event.type === 'snapshot' || event.type === 'dialect') this.dialect.changed();
    this.#schedule();
  }

  #start(snapshot: Snapshot): void {
    this.mismatch = snapshot.version !== CONTRACT_VERSION;
    this.#clockOffset = snapshot.now - Date.now();
    this.now = snapshot.now;
    this.notice = null;
    // What is being written stays while the store is the same.
    if (snapshot.source === this.#next?.source) this.retention.changed();
    else this.retention.reset();
    this.#forget(snapshot.recording.session?.id ?? null);
  }

  /**
   * Drops history: it is of another source, or there may be a hole before what comes next.
   *
   * @param session the one that is recorded now
   */
  #forget(session: number | null): void {
    this.#wanted = null;
    this.coverage.reset(this.#client, session);
    this.#forgetPages();
    this.sessions = null;
    this.removed = [];
    this.markets.reset();
  }

  /** A session was deleted or restored: what was read of the record is read anew. */
  #renew(): void {
    this.coverage.renew(this.#next?.recording.session?.id ?? null);
    this.#forgetPages();
  }

  #forgetPages(): void {
    this.#turn++;
    this.charts.reset(this.#client);
    this.tape.clear();
    this.tapeMore = false;
    this.tapeLoading = false;
    this.#tapeMarket = null;
    this.#followed = '';
    this.#touchTape();
  }

  #place(select: string | null): void {
    const ids = this.#ids();
    const { place } = this;
    // A market's own window shows it whatever the watchlist has; a session's has no chart.
    const slots =
      place.kind === 'main'
        ? arrange(this.slots, ids, select)
        : [place.kind === 'market' ? place.market : null, null, null];
    if (slots.length !== this.slots.length || slots.some((id, i) => id !== this.slots[i])) this.slots = slots;
    this.#follow();
    this.coverage.watch(ids);
  }

  #follow(): void {
    // A market is in one slot at most, so no chart comes twice.
    const charts = this.slots.flatMap((market, slot): ChartKey[] =>
      market === null ? [] : [{ market, granularity: baseOf(this.steps[slot] ?? '1m') }],
    );
    const market = this.slots[0] ?? null;
    const followed = JSON.stringify([charts, market]);
    if (followed === this.#followed || this.#client === null) return;
    this.#followed = followed;
    // Sent before any page is asked for: requests are answered in their order.
    void this.ask('follow.set', { charts, tapes: market === null ? [] : [market] }).then((result) => {
      if (!result.ok && result.error.kind !== 'closed') this.notice = result.error;
    });
    this.charts.follow(charts);
    this.coverage.follow(charts.map((chart) => chart.market));
    if (market === this.#tapeMarket) return;
    this.#tapeMarket = market;
    this.tape.clear();
    this.tapeMore = false;
    this.tapeLoading = false;
    this.#touchTape();
    if (market !== null) void this.#loadTrades(null);
  }

  async #loadTrades(before: number | null): Promise<number> {
    const market = this.#tapeMarket;
    const turn = this.#turn;
    if (market === null) return 0;
    this.tapeLoading = true;
    const result = await this.ask('trades.page', { market, before, limit: TAPE_PAGE });
    if (market !== this.#tapeMarket || turn !== this.#turn) return 0;
    this.tapeLoading = false;
    if (!result.ok) {
      this.notice = result.error;
      this.tapeMore = false;
      return 0;
    }
    const added = this.tape.merge(result.value.bytes);
    this.tapeMore = result.value.more;
    this.#touchTape();
    return added;
  }

  #noteGap(gap: Gap): void {
    if (this.#next === null) return;
    this.#next = { ...this.#next, gaps: withGap(this.#next.gaps, gap) };
    this.#stateChanged = true;
    this.#touchTape();
  }

  #noteRecording({ state, session }: RecordingState, before: View | null): void {
    if (state !== before?.recording.state || session?.id !== before.recording.session?.id) {
      // A session began or ended, and the event need not tell of the one before.
      void this.loadSessions();
      return;
    }
    if (session === null || this.sessions === null) return;
    const others = this.sessions.filter((known) => known.id !== session.id);
    // The event does not tell what was deleted of it.
    const deleted = this.sessions.find((known) => known.id === session.id)?.deleted;
    const told = deleted === undefined ? session : { ...session, deleted };
    this.sessions = [...others, told].sort(newestFirst);
  }

  #touchTape(): void {
    this.#tapeChanged = true;
    this.#schedule();
  }

  #publish(): void {
    if (this.#stateChanged) this.view = this.#next;
    if (this.#tapeChanged) this.tapeRevision++;
    if (this.#chartsChanged) this.chartsRevision++;
    if (this.#coverageChanged) this.coverageRevision++;
    this.#stateChanged = false;
    this.#tapeChanged = false;
    this.#chartsChanged = false;
    this.#coverageChanged = false;
  }
}

/** Whether other markets are known, and not only more of a reading that goes on. */
function isRenewed(now: DictionaryState, before: DictionaryState | undefined): boolean {
  return now.read !== before?.read || now.from !== before.from || now.known !== before.known;
}

function newestFirst(a: SessionSummary, b: SessionSummary): number {
  return b.started - a.started;
}
