/** What a user does to recordings: name, note, pin, delete, restore; and who is told of it. */
import type { CoreEvent, Millis, RemovedSession, SessionEdit, SessionSummary } from './contract.ts';
import type { Store } from './store/store.ts';

export interface SessionEditsOptions {
  /** Of the present source. */
  readonly store: () => Pick<
    Store,
    'editSession' | 'removedSessions' | 'removeSession' | 'restoreSession' | 'sessions'
  >;
  readonly now: () => Millis;
  /** For whoever records it. */
  readonly edited: (session: SessionSummary) => void;
  /** The record is another: what was read of it before does not hold. */
  readonly recordChanged: () => void;
  readonly tell: (event: Extract<CoreEvent, { type: 'session' }>) => void;
}

/** Each throws QuipuError as the store's method does. */
export class SessionEdits {
  readonly #options: SessionEditsOptions;

  constructor(options: SessionEditsOptions) {
    this.#options = options;
  }

  async list(): Promise<{ sessions: readonly SessionSummary[]; removed: readonly RemovedSession[] }> {
    const { now, store } = this.#options;
    const [sessions, removed] = await Promise.all([store().sessions(), store().removedSessions(now())]);
    return { sessions, removed };
  }

  async edit(session: number, edit: SessionEdit): Promise<null> {
    const { edited, store, tell } = this.#options;
    edited(await store().editSession(session, edit));
    tell({ type: 'session', session, change: 'edited' });
    return null;
  }

  async remove(session: number): Promise<{ readonly undoUntil: Millis }> {
    const { now, recordChanged, store, tell } = this.#options;
    const { undoUntil } = await store().removeSession(session, now());
    recordChanged();
    tell({ type: 'session', session, change: 'deleted' });
    return { undoUntil };
  }

  async restore(session: number): Promise<null> {
    const { now, recordChanged, store, tell } = this.#options;
    await store().restoreSession(session, now());
    recordChanged();
    tell({ type: 'session', session, change: 'restored' });
    return null;
  }
}
