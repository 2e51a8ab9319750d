/**
 * Keeps Quipu up to date as the user wants it: looks at the feed, asks before it downloads, and leaves the
 * installation to the moment when the user quits. Knows no Electron.
 */
import type { Logger, Timer } from '../../core/ports.ts';
import type { Installation } from './installation.ts';
import { arrivalOf, isCheckDue, isWorthAsking, type UpdateMemory } from './plan.ts';
import { type Trouble, troubleOf } from './trouble.ts';

/** Settled first: the record, the links, the window. */
const FIRST_LOOK_MS = 10_000;
/** Whether a day has passed is looked at often, since a computer that sleeps stops timers. */
const LOOK_MS = 3_600_000;

/** A newer version that the feed has. */
export interface Offer {
  readonly version: string;
  /** Plain text; empty when the feed says nothing. */
  readonly notes: string;
  /** Where the package for this installation is, for who must get it himself. */
  readonly address: string;
}

export type UpdateState =
  | { readonly phase: 'off' | 'idle' | 'checking' }
  | { readonly phase: 'offered' | 'downloading' | 'ready'; readonly version: string }
  | { readonly phase: 'failed'; readonly trouble: Trouble };

export type Answer = 'download' | 'later' | 'skip';

export interface KeeperPorts {
  readonly logger: Logger;
  readonly installation: Installation;
  /** The running version. */
  readonly version: string;
  /** ms since the epoch. */
  readonly now: () => number;
  after(ms: number, run: () => void): Timer;
  readonly memory: { read(): UpdateMemory; write(memory: UpdateMemory): void };
  /** The newest of the feed when it is newer than the running one, else null. Rejects when it cannot be known. */
  find(feed: string): Promise<Offer | null>;
  /** What `find` found last. What arrives is installed when the app quits with code 0. */
  download(): Promise<void>;
  /** What arrived is not installed at this end of the app. */
  postpone(): void;
  readonly user: {
    /** Without being in the way; `open` when the user wants to know more. */
    notify(title: string, body: string, open: () => void): void;
    ask(offer: Offer): Promise<Answer>;
    /** Of one that this installation cannot take by itself. */
    tell(offer: Offer, how: string): Promise<Answer>;
    inform(message: string, detail: string): Promise<void>;
    /** What the running version brought. */
    whatsNew(): Promise<void>;
  };
  /** Whenever the state changes, for a menu. */
  changed(state: UpdateState): void;
}

export class UpdateKeeper {
  readonly #ports: KeeperPorts;
  #feed: string | null = null;
  #state: UpdateState = { phase: 'off' };
  #timer: Timer | null = null;
  #isAsking = false;
  /** The user waits for the answer of the look that is under way. */
  #isWanted = false;

  constructor(ports: KeeperPorts) {
    this.#ports = ports;
  }

  get state(): UpdateState {
    return this.#state;
  }

  /** Says what came of the last update. Before `follow`. */
  arrive(): void {
    const { memory, version, user, logger } = this.#ports;
    const before = memory.read();
    const arrival = arrivalOf(before, version);
    if (arrival === 'not-installed') {
      logger.log('error', 'an update was not installed', {
        expected: before.expected,
        running: version,
        ...(before.failure !== null && { failure: before.failure }),
      });
      user.notify(
        `Quipu ${before.expected ?? ''} was not installed`,
        `This is still ${version}. Click to see what to do.`,
        () =>
          void user.inform(
            `Quipu ${before.expected ?? ''} was not installed`,
            `This is still ${version}. ${before.failure ?? 'Choose Check for updates to try again.'}`,
          ),
      );
    } else if (arrival === 'updated') {
      logger.log('info', 'Quipu was updated', { from: before.ran, to: version });
      user.notify(`Quipu is now ${version}`, 'Click to see what is new.', () => void user.whatsNew());
    }
    if (arrival !== 'same') memory.write({ ...before, expected: null, failure: null, ran: version });
  }

  /** Looks at this feed from now on; null: at none. What is downloaded already is installed all the same. */
  follow(feed: string | null): void {
    if (feed === this.#feed) return;
    this.#feed = feed;
    this.#timer?.cancel();
    this.#timer = null;
    const { phase } = this.#state;
    if (phase === 'downloading' || phase === 'ready') return;
    const isOff = feed === null || this.#ports.installation.kind === 'source';
    this.#become({ phase: isOff ? 'off' : 'idle' });
    if (!isOff) this.#lookAfter(FIRST_LOOK_MS, true);
  }

  /** Because the user asked, who gets an answer in any case. */
  async check(): Promise<void> {
    const { installation, user } = this.#ports;
    if (installation.kind === 'source') {
      await user.inform('This Quipu runs from its source', 'Update the source, then start it again.');
    } else if (this.#feed === null) {
      await user.inform(
        'Updates are off',
        'No feed of updates is set. Set one under Settings, This computer, or with QUIPU_UPDATE_URL.',
      );
    } else if (this.#state.phase === 'downloading') {
      await user.inform(`Quipu ${this.#state.version} is being downloaded`, 'You are told when it is there.');
    } else if (this.#state.phase === 'ready') {
      await this.#sayReady(this.#state.version);
    } else {
      this.#isWanted = true;
      if (this.#state.phase !== 'checking') await this.#look(this.#feed);
    }
  }

  /** At the very end, when nobody can be told and no log is written any more: the next start tells. */
  notInstalled(error: unknown): void {
    const { memory } = this.#ports;
    const { message, action } = troubleOf(error);
    memory.write({ ...memory.read(), failure: `${message} ${action}` });
  }

  /** The system is about to end: an installer that it cuts off could leave no Quipu at all. The next start offers it again. */
  postpone(): void {
    if (this.#state.phase !== 'ready') return;
    const { logger, memory } = this.#ports;
    this.#ports.postpone();
    memory.write({ ...memory.read(), expected: null });
    logger.log('info', 'the update waits, since the system ends', { version: this.#state.version });
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #become(state: UpdateState): void {
    this.#state = state;
    this.#ports.changed(state);
  }

  #lookAfter(ms: number, isFirst: boolean): void {
    this.#timer = this.#ports.after(ms, () => {
      this.#lookAfter(LOOK_MS, false);
      const { memory, now } = this.#ports;
      const isFree = this.#state.phase !== 'downloading' && this.#state.phase !== 'ready';
      const feed = this.#feed;
      if (
        feed !== null &&
        isFree &&
        this.#state.phase !== 'checking' &&
        isCheckDue(memory.read(), now(), isFirst)
      )
        void this.#look(feed);
    });
  }

  async #look(feed: string): Promise<void> {
    const { logger, memory, now, user } = this.#ports;
    this.#become({ phase: 'checking' });
    let offer: Offer | null;
    try {
      offer = await this.#ports.find(feed);
    } catch (error) {
      if (feed === this.#feed) await this.#fail('updates could not be looked for', error, this.#taken());
      return;
    }
    // The user has chosen another meanwhile.
    if (feed !== this.#feed) return;
    const isAsked = this.#taken();
    memory.write({ ...memory.read(), checkedAt: now() });
    if (offer === null) {
      this.#become({ phase: 'idle' });
      if (isAsked) await user.inform('Quipu is up to date', `${this.#ports.version} is the newest version.`);
      return;
    }
    const found = offer;
    logger.log('info', 'there is a newer version', { version: found.version });
    this.#become({ phase: 'offered', version: found.version });
    if (isAsked) await this.#propose(found);
    else if (isWorthAsking(memory.read(), found.version, now())) {
      user.notify(
        `Quipu ${found.version} is there`,
        'Click to see what is new, and to decide.',
        () => void this.#propose(found),
      );
    }
  }

  #taken(): boolean {
    const isWanted = this.#isWanted;
    this.#isWanted = false;
    return isWanted;
  }

  async #propose(offer: Offer): Promise<void> {
    const { installation, memory, now, user } = this.#ports;
    if (this.#isAsking || this.#state.phase === 'downloading' || this.#state.phase === 'ready') return;
    this.#isAsking = true;
    let answer: Answer;
    try {
      answer = await (installation.kind === 'tells' ? user.tell(offer, installation.how) : user.ask(offer));
    } finally {
      this.#isAsking = false;
    }
    const kept = memory.read();
    if (answer === 'skip') memory.write({ ...kept, skipped: offer.version });
    if (answer === 'later') memory.write({ ...kept, asked: { version: offer.version, at: now() } });
    if (answer === 'download' && installation.kind === 'installs') await this.#download(offer);
  }

  async #download({ version }: Offer): Promise<void> {
    const { logger, memory, user } = this.#ports;
    this.#become({ phase: 'downloading', version });
    try {
      await this.#ports.download();
    } catch (error) {
      await this.#fail('the update could not be downloaded', error, true);
      return;
    }
    logger.log('info', 'an update is ready', { version });
    memory.write({ ...memory.read(), expected: version, skipped: null, asked: null });
    this.#become({ phase: 'ready', version });
    user.notify(
      `Quipu ${version} is ready`,
      'It is installed when you quit Quipu. Recording goes on.',
      () => void this.#sayReady(version),
    );
  }

  #sayReady(version: string): Promise<void> {
    return this.#ports.user.inform(
      `Quipu ${version} is ready`,
      'It is installed when you quit Quipu. Until then recording goes on as it is.',
    );
  }

  async #fail(what: string, error: unknown, isAsked: boolean): Promise<void> {
    const trouble = troubleOf(error);
    const words = error instanceof Error ? error.message : String(error);
    this.#ports.logger.log('warn', what, { message: trouble.message, cause: words.slice(0, 500) });
    this.#become({ phase: 'failed', trouble });
    if (isAsked) await this.#ports.user.inform(trouble.message, trouble.action);
  }
}

/** The line of a menu. */
export function updateWords(state: UpdateState): string {
  if (state.phase === 'checking') return 'Looking for updates…';
  if (state.phase === 'offered') return `Update to ${state.version}…`;
  if (state.phase === 'downloading') return `Downloading ${state.version}…`;
  if (state.phase === 'ready') return `${state.version} is installed when you quit`;
  return 'Check for updates…';
}
