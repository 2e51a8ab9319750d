/** The state of the view of the feed: what it read of the record, kept up to date while it is open. */
import type {
  CommandArgs,
  CommandName,
  CommandValue,
  CoreEvent,
  Endpoint,
  HealthMinute,
  JournalEntry,
  RefusalCount,
} from '../../main/core/contract.ts';
import { ENDPOINTS } from '../../main/core/contract.ts';
import type { AppError, Result } from '../../main/core/result.ts';
import { mergeEntries, MOST_ENTRIES, MOST_MINUTES } from './feed-view.ts';

/** Entries of the journal asked for at a time. */
const JOURNAL_PAGE = 200;
/** A minute in which a session ended and another began has one row of each. */
const HEALTH_PAGE = MOST_MINUTES * 2;

/** Runs a command whose failure the view shows in its own place. */
export type Ask = <N extends CommandName>(name: N, args: CommandArgs<N>) => Promise<Result<CommandValue<N>>>;

type Minutes = Readonly<Record<Endpoint, readonly HealthMinute[]>>;
const NO_MINUTES: Minutes = { trades: [], candles: [] };

/** The parts of the view that share one place. */
export type FeedPart = 'subscriptions' | 'refusals' | 'frames';

export class FeedView {
  part = $state<FeedPart>('subscriptions');
  /** Newest first. */
  entries = $state.raw<readonly JournalEntry[]>([]);
  /** The first page of the journal has come, or could not be had. */
  loaded = $state(false);
  loading = $state(false);
  /** There may be older entries than those here. */
  more = $state(false);
  journalProblem = $state.raw<AppError | null>(null);
  /** Whose entries are shown; null: of both. */
  endpoint = $state.raw<Endpoint | null>(null);
  /** Oldest first. */
  minutes = $state.raw<Minutes>(NO_MINUTES);
  healthProblem = $state.raw<AppError | null>(null);
  /** null until they are read. */
  refusals = $state.raw<readonly RefusalCount[] | null>(null);
  refusalsProblem = $state.raw<AppError | null>(null);

  readonly full = $derived(this.entries.length >= MOST_ENTRIES);

  readonly #ask: Ask;
  #isOpen = false;
  /** Count what makes answers that are still due mean nothing: of all, and of the journal. */
  #turn = 0;
  #journalTurn = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** The view is on the screen: reads all that it shows. */
  open(): void {
    this.#isOpen = true;
    this.#forget();
    void this.#readJournal(null);
    void this.readHealth();
    void this.readRefusals();
  }

  close(): void {
    this.#isOpen = false;
    this.#forget();
  }

  /** An event of the core, after the state of the app took it. */
  take(event: CoreEvent): void {
    if (!this.#isOpen) return;
    if (event.type === 'snapshot' || event.type === 'source') this.open();
    if (event.type === 'session' && event.change !== 'edited') this.open();
    if (event.type === 'journal' && (this.endpoint ?? event.entry.endpoint) === event.entry.endpoint) {
      this.entries = mergeEntries(this.entries, [event.entry]);
    }
  }

  /** Shows the journal of one endpoint, or of both. */
  setEndpoint(endpoint: Endpoint | null): void {
    if (endpoint === this.endpoint) return;
    this.endpoint = endpoint;
    this.#forgetJournal();
    void this.#readJournal(null);
  }

  /** Loads the page before the oldest entry, when there is one. */
  async loadOlder(): Promise<void> {
    const oldest = this.entries.at(-1);
    if (this.loading || !this.more || this.full || oldest === undefined) return;
    await this.#readJournal(oldest.row);
  }

  async readHealth(): Promise<void> {
    const turn = this.#turn;
    for (const endpoint of ENDPOINTS) {
      const result = await this.#ask('health.page', { endpoint, before: null, limit: HEALTH_PAGE });
      if (turn !== this.#turn) return;
      if (result.ok) this.minutes = { ...this.minutes, [endpoint]: result.value.minutes };
      this.healthProblem = result.ok ? null : result.error;
    }
  }

  async readRefusals(): Promise<void> {
    const turn = this.#turn;
    const result = await this.#ask('refusals.list', { session: null });
    if (turn !== this.#turn) return;
    if (result.ok) this.refusals = [...result.value.refusals].sort((a, b) => b.last - a.last);
    this.refusalsProblem = result.ok ? null : result.error;
  }

  async #readJournal(before: number | null): Promise<void> {
    const turn = this.#journalTurn;
    this.loading = true;
    const result = await this.#ask('journal.page', {
      session: null,
      endpoint: this.endpoint,
      before,
      limit: JOURNAL_PAGE,
    });
    if (turn !== this.#journalTurn) return;
    this.loading = false;
    this.loaded = true;
    this.journalProblem = result.ok ? null : result.error;
    this.more = result.ok && result.value.more;
    if (result.ok) this.entries = mergeEntries(this.entries, result.value.entries);
  }

  /** Drops all: it is of another source, or there may be a hole before what comes next. */
  #forget(): void {
    this.#turn++;
    this.#forgetJournal();
    this.minutes = NO_MINUTES;
    this.healthProblem = null;
    this.refusals = null;
    this.refusalsProblem = null;
  }

  #forgetJournal(): void {
    this.#journalTurn++;
    this.entries = [];
    this.loaded = false;
    this.loading = false;
    this.more = false;
    this.journalProblem = null;
  }
}
