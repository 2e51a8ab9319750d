/**
 * Announces: hears the core's events and the alerts, tells the views what is announced and the notifier
 * what to show. It is a view like another, but one of the core's own.
 */
import type { AnnouncementsState, CoreEvent, Millis, MuteFor } from '../contract.ts';
import type { Clock, Notifier, Timer } from '../ports.ts';
import { announcementsOf, type Input, type Moment, type Occasion, QUIET, step } from './announcements.ts';
import { judged, UNWATCHED } from './troubles.ts';

const TICK_MS = 500;
const HOUR_MS = 3_600_000;
/** When a mute until tomorrow ends, by this computer's clock. */
const MORNING = 8;
/** No mute is longer; a kept one that is was written under another clock. */
const LONGEST_MUTE_MS = 32 * HOUR_MS;

export interface AnnouncerOptions {
  readonly clock: Clock;
  readonly notifier: Notifier | null;
  /** The list, or the mute, is another. */
  readonly changed: (announcements: AnnouncementsState) => void;
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #timer: Timer;
  #state = QUIET;
  #watched = UNWATCHED;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#timer = options.clock.every(TICK_MS, () => this.#judge(null));
  }

  get announcements(): AnnouncementsState {
    return announcementsOf(this.#state);
  }

  /** One of the core's events, in their order. */
  take(event: CoreEvent): void {
    this.#judge(event);
  }

  /** An alert, or other news of a moment. */
  announce(occasion: Occasion): void {
    this.#step({ type: 'happened', occasion }, this.#now());
  }

  /** @param upTo id of the newest that was seen */
  seen(upTo: number): void {
    this.#step({ type: 'seen', upTo }, this.#now());
  }

  /** @returns until when; null: not muted */
  mute(length: MuteFor): Millis | null {
    const now = this.#now();
    const until = endOf(length, now.wall);
    this.#step({ type: 'mute', until }, now);
    return until;
  }

  /** Goes on with a mute of an earlier run. @param json what was kept of it */
  restore(json: string): void {
    const until = Number(json);
    const now = this.#now();
    if (until > now.wall && until - now.wall <= LONGEST_MUTE_MS) this.#step({ type: 'mute', until }, now);
  }

  close(): void {
    this.#timer.cancel();
  }

  #judge(event: CoreEvent | null): void {
    const now = this.#now();
    const { watched, inputs } = judged(this.#watched, event, now);
    this.#watched = watched;
    for (const input of inputs) this.#step(input, now);
    if (event === null) this.#step({ type: 'time' }, now);
  }

  #step(input: Input, now: Moment): void {
    const before = this.#state;
    const { state, effects } = step(before, input, now);
    this.#state = state;
    const { notifier, changed } = this.#options;
    for (const effect of effects) {
      if (effect.type === 'show') notifier?.show(effect.announcement);
      else notifier?.close(effect.id);
    }
    if (state.items !== before.items || state.mute !== before.mute) changed(this.announcements);
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { wall: Math.floor(clock.now() / 1000), mono: clock.monotonic() };
  }
}

function endOf(length: MuteFor, now: Millis): Millis | null {
  if (length === 'off') return null;
  if (length === 'hour') return now + HOUR_MS;
  const morning = new Date(now);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(MORNING, 0, 0, 0);
  return morning.getTime();
}
