/** Cords of sessions that are over are read once: they change no more, until something is deleted. */
import type { SessionCord } from '../contract.ts';
import type { Store } from '../store/store.ts';

const MOST_KEPT = 500;

export class SessionCords {
  /** Each store has sessions of its own. */
  #kept = new WeakMap<object, Map<string, SessionCord>>();

  /** They did change: something of them was deleted, or restored. */
  clear(): void {
    this.#kept = new WeakMap();
  }

  /** @param newest the session that may still change, or null */
  async of(
    store: Pick<Store, 'sessionCord'>,
    session: number,
    buckets: number,
    newest: number | null,
  ): Promise<SessionCord | null> {
    let kept = this.#kept.get(store);
    if (kept === undefined) this.#kept.set(store, (kept = new Map<string, SessionCord>()));
    const key = `${session} ${buckets}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const cord = await store.sessionCord(session, buckets);
    // What was read before they were cleared is shown once, but not kept.
    if (cord === null || session === newest || this.#kept.get(store) !== kept) return cord;
    const [oldest] = kept.keys();
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    kept.set(key, cord);
    return cord;
  }
}
