/**
 * What happens to the links, on its way into the store. With a session it goes there by the session's
 * commits, without one by itself. Until it is there a page has it from here.
 */
import type { JournalEntry, JournalPage, LinkTransition, OutageReport } from '../contract.ts';
import type { Logger } from '../ports.ts';
import { cleanWords } from '../protocol/words.ts';
import { toAppError } from '../result.ts';
import type { JournalFilter, Store } from '../store/store.ts';

/** Entries that wait for a disk that refuses them; beyond it the oldest are given up, which is logged. */
const MAX_WAITING = 1_000;
const MAX_KIND = 60;

export type JournalStore = Pick<Store, 'journalPage' | 'nextEntry' | 'note'>;

interface Waiting {
  readonly entry: JournalEntry;
  /** It is on its way to the disk. */
  taken: boolean;
}

export class Journal {
  readonly #store: JournalStore;
  readonly #logger: Logger;
  readonly #waiting = new Map<number, Waiting>();
  /** The last attempt to write failed, which was logged. */
  #failing = false;
  #givenUp = 0;

  constructor(store: JournalStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** @returns it with its row, which it will have in the store too */
  add(session: number | null, told: LinkTransition | OutageReport): JournalEntry {
    const entry = { ...bounded(told), row: this.#store.nextEntry(), session };
    this.#waiting.set(entry.row, { entry, taken: false });
    if (this.#waiting.size > MAX_WAITING) this.#giveUpOldest();
    return entry;
  }

  /** What is to be written now. Then `written` or `back` is to be told. */
  take(): JournalEntry[] {
    const entries: JournalEntry[] = [];
    for (const waiting of this.#waiting.values()) {
      if (waiting.taken) continue;
      waiting.taken = true;
      entries.push(waiting.entry);
    }
    return entries;
  }

  written(entries: readonly JournalEntry[]): void {
    for (const { row } of entries) this.#waiting.delete(row);
  }

  /** What was taken could not be stored: it is taken again. */
  back(entries: readonly JournalEntry[]): void {
    for (const { row } of entries) {
      const waiting = this.#waiting.get(row);
      if (waiting !== undefined) waiting.taken = false;
    }
  }

  /** Writes what waits, without a session. What fails is logged and tried again the next time. */
  async flush(): Promise<void> {
    const entries = this.take();
    if (entries.length === 0) return;
    try {
      await this.#store.note(entries);
      this.written(entries);
      this.#failing = false;
    } catch (error) {
      this.back(entries);
      if (!this.#failing)
        this.#logger.log('warn', 'the journal cannot be written', { message: toAppError(error).message });
      this.#failing = true;
    }
  }

  /** As of the store, with what is not there yet. */
  async page(filter: JournalFilter, before: number | null, limit: number): Promise<JournalPage> {
    const waiting = [...this.#waiting.values()].map(({ entry }) => entry);
    const page = await this.#store.journalPage(filter, before, limit);
    const there = new Set(page.entries.map(({ row }) => row));
    const missing = waiting.filter(
      ({ endpoint, row, session }) =>
        !there.has(row) &&
        (before === null || row < before) &&
        (filter.session === null || session === filter.session) &&
        (filter.endpoint === null || endpoint === filter.endpoint),
    );
    const entries = [...page.entries, ...missing].sort((a, b) => a.row - b.row);
    return { more: page.more || entries.length > limit, entries: entries.slice(-limit) };
  }

  #giveUpOldest(): void {
    const [oldest] = this.#waiting.keys();
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    if (this.#givenUp++ === 0)
      this.#logger.log('error', 'entries of the journal are lost, since the disk refuses them');
  }
}

/** Words that a server may have chosen are bounded and cleaned here, whatever was done before. */
function bounded(told: LinkTransition | OutageReport): LinkTransition | OutageReport {
  if (told.type === 'outage') return { ...told, cause: cleanWords(told.cause) };
  const { kind, message, serverWords } = told;
  return {
    ...told,
    kind: cleanWords(kind, MAX_KIND),
    message: cleanWords(message),
    serverWords: serverWords === null ? null : cleanWords(serverWords),
  };
}
