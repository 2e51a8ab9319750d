/** When updates are looked for, and when the user is asked about one: decisions without a clock or a screen. */

/** What is kept between starts. Times in ms since the epoch. */
export interface UpdateMemory {
  /** When the feed last answered. */
  readonly checkedAt: number | null;
  /** The version that the user does not want. */
  readonly skipped: string | null;
  /** What the user was asked about last, and put off. */
  readonly asked: { readonly version: string; readonly at: number } | null;
  /** What was to be installed when Quipu quit. */
  readonly expected: string | null;
  /** Why it was not, and what to do, when that is known. */
  readonly failure: string | null;
  /** The version that ran last, so that a newer one can say what is new. */
  readonly ran: string | null;
}

export const NO_UPDATE_MEMORY: UpdateMemory = {
  checkedAt: null,
  skipped: null,
  asked: null,
  expected: null,
  failure: null,
  ran: null,
};

const DAY_MS = 24 * 3_600_000;
/** Who put a version off is asked again after this, and at no start before. */
const ASK_AGAIN_MS = 3 * DAY_MS;
const MAX_VERSION = 64;
const MAX_FAILURE = 1_000;

/** At every start, then a day after the last answer; a feed that did not answer is asked again at the next look. */
export function isCheckDue(memory: UpdateMemory, now: number, isFirst: boolean): boolean {
  const { checkedAt } = memory;
  // A clock that was set back makes the last time one to come.
  return isFirst || checkedAt === null || checkedAt > now || now - checkedAt >= DAY_MS;
}

/** Whether an update that was found unasked is worth the user's attention. */
export function isWorthAsking(memory: UpdateMemory, version: string, now: number): boolean {
  if (memory.skipped === version) return false;
  const { asked } = memory;
  return asked?.version !== version || asked.at > now || now - asked.at >= ASK_AGAIN_MS;
}

export type Arrival = 'first' | 'same' | 'updated' | 'not-installed';

/** What happened since the last start. */
export function arrivalOf(memory: UpdateMemory, running: string): Arrival {
  if (memory.expected !== null && memory.expected !== running) return 'not-installed';
  if (memory.ran === null) return 'first';
  return memory.ran === running ? 'same' : 'updated';
}

/** What of `text` makes sense; the rest is as if nothing was kept. */
export function parseUpdateMemory(text: string | null): UpdateMemory {
  let given: unknown;
  try {
    given = JSON.parse(text ?? 'null');
  } catch {
    return NO_UPDATE_MEMORY;
  }
  if (typeof given !== 'object' || given === null) return NO_UPDATE_MEMORY;
  const { checkedAt, skipped, asked, expected, failure, ran } = given as Readonly<Record<string, unknown>>;
  const { version, at } = (typeof asked === 'object' && asked !== null ? asked : {}) as Readonly<
    Record<string, unknown>
  >;
  return {
    checkedAt: timeOf(checkedAt),
    skipped: versionOf(skipped),
    asked:
      versionOf(version) === null || timeOf(at) === null
        ? null
        : { version: versionOf(version) ?? '', at: timeOf(at) ?? 0 },
    expected: versionOf(expected),
    failure: typeof failure === 'string' ? failure.slice(0, MAX_FAILURE) : null,
    ran: versionOf(ran),
  };
}

function timeOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function versionOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_VERSION ? value : null;
}
