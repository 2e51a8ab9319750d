/** What a Quipu reads while it stands by: the record of the feed that the other one watches. */
import type { AppError } from './result.ts';
import { QuipuError } from './result.ts';
import type { Store } from './store/store.ts';

export interface OtherRecordOptions {
  /** The folder's own store, of which this Quipu is a reader. */
  readonly own: Pick<Store, 'readSetting' | 'sessions'>;
  /** Opens the demo feed's store for reading. Fails until the other Quipu has made it. */
  readonly openDemo: () => Promise<Store>;
  /** Why nothing can be written. */
  readonly problem: () => AppError | null;
  /** Another store is read from now on. */
  readonly changed: () => void;
}

/** Follows the other Quipu from its real feed to its demo feed and back, for as long as it is looked. */
export class OtherRecord {
  readonly #options: OtherRecordOptions;
  #demo: Store | null = null;
  #look: Promise<void> | null = null;
  #hasEnded = true;

  constructor(options: OtherRecordOptions) {
    this.#options = options;
  }

  /** The demo feed's store while the other Quipu records there; null: the own. */
  get demo(): Store | null {
    return this.#demo;
  }

  /** Looks again what the other Quipu records. Never fails: what cannot be read is looked for the next time. */
  look(): void {
    this.#hasEnded = false;
    this.#look ??= this.#follow()
      .catch(() => undefined)
      .finally(() => {
        this.#look = null;
      });
  }

  /** The folder is this Quipu's now, or it closes. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    const demo = this.#demo;
    this.#demo = null;
    await Promise.all([demo?.close(), this.#look]);
  }

  async #follow(): Promise<void> {
    const isDemo = await this.#isDemo();
    if (this.#hasEnded || isDemo === (this.#demo !== null)) return;
    const before = this.#demo;
    const store = isDemo ? await this.#options.openDemo() : null;
    if (this.#hasEnded) {
      await store?.close();
      return;
    }
    this.#demo = store === null ? null : this.#readOnly(store);
    this.#options.changed();
    await before?.close();
  }

  /** A recording of the command line leaves the choice of the feed as it was, but has a session of its own. */
  async #isDemo(): Promise<boolean> {
    const { own } = this.#options;
    if ((await own.readSetting('source')) !== '"demo"') return false;
    return !(await own.sessions()).some(({ state }) => state === 'recording');
  }

  /** Refuses a user's changes with what is to be done, which the store does not know. */
  #readOnly(store: Store): Store {
    const refuse = (): Promise<never> => {
      const problem = this.#options.problem();
      return Promise.reject(
        new QuipuError('in-use', problem?.message ?? 'Another Quipu records.', problem?.action),
      );
    };
    return {
      ...store,
      editSession: refuse,
      removeSession: refuse,
      restoreSession: refuse,
      setRetention: refuse,
    };
  }
}
