/** Cords of sessions that are over are read once: they change no more. */
import type { SessionCord } from '../contract.ts';
import type { Store } from '../store/store.ts';

const MOST_KEPT = 500;

export class SessionCords {
  /** Each store has sessions of its own. */
  readonly #kept = new WeakMap<object, Map<string, SessionCord>>();
  /** Goes up when sessions are taken away or come back: what was read before is not kept then. */
  #age = 0;

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
    const age = this.#age;
    const cord = await store.sessionCord(session, buckets);
    if (cord === null || session === newest || age !== this.#age) return cord;
    const [oldest] = kept.keys();
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    kept.set(key, cord);
    return cord;
  }

  /** A session of it was deleted or restored, or retention deleted something. */
  forget(store: Pick<Store, 'sessionCord'>): void {
    this.#age++;
    this.#kept.delete(store);
  }
}
