/**
 * What is announced, and how often: a pure function of state, input and time. It groups what comes in a
 * burst, says nothing again while it lasts, keeps to a number in ten minutes and sums up the rest, and
 * closes what is over. It knows no event of the core (`troubles.ts` does) and no screen.
 *
 * All waiting goes by the monotonic clock, so that a wall clock that jumps rings nothing again. The wall
 * clock only dates what is announced and ends a mute, which a computer that slept must not outlive.
 */
import type {
  Announcement,
  AnnouncementKind,
  AnnouncementsState,
  AnnouncementTarget,
  Millis,
} from '../contract.ts';
import { cleanWords } from '../protocol/words.ts';

/** The newest so many are kept for the list. */
export const MAX_ITEMS = 50;
/** The user is rung at most so often within `RING_WINDOW_MS`, summaries counted. */
export const MAX_RINGS = 6;
export const RING_WINDOW_MS = 600_000;
/** What is over must stay so before it is resolved: a state that flaps is one. */
export const CLEAR_MS = 15_000;
/** A group that keeps growing is not waited for longer than this. */
export const MAX_GROUPING_MS = 15_000;
const MAX_TITLE = 120;
const MAX_BODY = 400;
/** Of a group, whose states are followed to their end; more are counted alone. */
const MAX_KEYS = 1_000;

type Kind = Exclude<AnnouncementKind, 'summary'>;

/** How long a group waits for another of its kind: bursts of these are common, and no hurry is lost. */
const GROUPING_MS: Readonly<Record<Kind, number>> = {
  alert: 500,
  'key-refused': 0,
  'feed-refused': 0,
  'not-recording': 0,
  'paused-long': 0,
  'gap-lost': 3_000,
  'database-replaced': 0,
  'subscription-refused': 3_000,
  'feed-stale': 3_000,
};

/** The words of a summary for each kind: of one, and of several. */
const KIND_WORDS: Readonly<Record<Kind, readonly [string, string]>> = {
  alert: ['alert', 'alerts'],
  'key-refused': ['refused key', 'refused keys'],
  'feed-refused': ['refused connection', 'refused connections'],
  'not-recording': ['failure to record', 'failures to record'],
  'paused-long': ['forgotten pause', 'forgotten pauses'],
  'gap-lost': ['lost gap', 'lost gaps'],
  'database-replaced': ['replaced record', 'replaced records'],
  'subscription-refused': ['refused subscription', 'refused subscriptions'],
  'feed-stale': ['silent feed', 'silent feeds'],
};

export interface Moment {
  /** Wall clock. May jump. */
  readonly wall: Millis;
  /** Milliseconds that never jump. */
  readonly mono: number;
}

/** One thing to announce. Its words may be another's: they are cleaned and bounded here. */
export interface Occasion {
  readonly kind: Kind;
  /** What is of one kind and one group is announced as one. A rule's name, say; else empty. */
  readonly group: string;
  /** The same key is the same trouble: it is not announced again while it lasts, or at all for a moment. */
  readonly key: string;
  readonly title: string;
  readonly body: string;
  /** For more than one of the group, with their number. */
  readonly many: (count: number) => string;
  readonly target: AnnouncementTarget;
}

export type Input =
  /** Of a moment: an alert, a gap. */
  | { readonly type: 'happened'; readonly occasion: Occasion }
  /** It lasts until `clear`; told again, it changes its words and rings no more. */
  | { readonly type: 'raise'; readonly occasion: Occasion }
  | { readonly type: 'clear'; readonly key: string }
  | { readonly type: 'seen'; readonly upTo: number }
  /** null: no longer. */
  | { readonly type: 'mute'; readonly until: Millis | null }
  /** Time went by. */
  | { readonly type: 'time' };

export type Effect =
  | { readonly type: 'show'; readonly announcement: Announcement }
  | { readonly type: 'close'; readonly id: number };

interface Group {
  readonly lasting: boolean;
  /** By key, the first one first. Of moments the first one serves for all. */
  readonly occasions: ReadonlyMap<string, Occasion>;
  readonly count: number;
  readonly at: Millis;
  readonly first: number;
  readonly last: number;
}

interface Lasting {
  /** Its announcement; null while its group waits. */
  readonly id: number | null;
  /** When it was over, on the monotonic clock. */
  readonly clear: number | null;
}

/** How many of each kind were kept from the user. */
type Withheld = ReadonlyMap<Kind, number>;

interface Mute {
  readonly until: Millis;
  /** The same on the monotonic clock. */
  readonly ends: number;
}

export interface State {
  readonly nextId: number;
  readonly items: readonly Announcement[];
  readonly lasting: ReadonlyMap<string, Lasting>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Keys of moments that were told, the oldest first; bounded. */
  readonly told: readonly string[];
  /** When the user was rung, on the monotonic clock, the oldest first. */
  readonly rings: readonly number[];
  /** Over the limit. */
  readonly over: Withheld;
  /** While muted; and the announcements among them that still last. */
  readonly muted: Withheld;
  readonly mutedIds: ReadonlySet<number>;
  readonly mute: Mute | null;
}

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

const MAX_TOLD = 1_000;

export const QUIET: State = {
  nextId: 1,
  items: [],
  lasting: new Map(),
  groups: new Map(),
  told: [],
  rings: [],
  over: new Map(),
  muted: new Map(),
  mutedIds: new Set(),
  mute: null,
};

/** What a view is told. */
export function announcementsOf({ items, mute }: State): AnnouncementsState {
  return { items, mutedUntil: mute?.until ?? null };
}

/** The state after `input` at `now`, and what the notifier has to do. Same arguments, same answer. */
export function step(before: State, input: Input, now: Moment): Step {
  const effects: Effect[] = [];
  let state = passed(before, now, effects);
  switch (input.type) {
    case 'happened':
      if (!state.told.includes(input.occasion.key)) {
        const told = [...state.told, input.occasion.key].slice(-MAX_TOLD);
        state = joined({ ...state, told }, input.occasion, false, now);
      }
      break;
    case 'raise':
      state = raised(state, input.occasion, now);
      break;
    case 'clear':
      state = cleared(state, input.key, now);
      break;
    case 'seen':
      state = seen(state, input.upTo);
      break;
    case 'mute':
      state = muteSet(state, input.until, now);
      break;
    case 'time':
      break;
  }
  return { state: passed(state, now, effects), effects };
}

/** What is due by now: ends of states, groups, of the mute and of the limit. */
function passed(before: State, now: Moment, effects: Effect[]): State {
  let state = before;
  for (const [key, { id, clear }] of state.lasting) {
    if (clear !== null && now.mono - clear >= CLEAR_MS) state = resolved(state, key, id, effects);
  }
  if (state.mute !== null && (now.mono >= state.mute.ends || now.wall >= state.mute.until)) {
    state = muteEnded(state, now, effects);
  }
  for (const [name, group] of state.groups) {
    const occasion = firstOf(group);
    if (occasion === undefined) continue;
    if (now.mono - group.last >= GROUPING_MS[occasion.kind] || now.mono - group.first >= MAX_GROUPING_MS)
      state = announced(state, name, group, occasion, now, effects);
  }
  return summedUp(state, now, effects);
}

function raised(state: State, occasion: Occasion, now: Moment): State {
  const known = state.lasting.get(occasion.key);
  if (known === undefined) {
    if (state.lasting.size >= MAX_KEYS) return joined(state, occasion, false, now);
    const lasting = new Map(state.lasting).set(occasion.key, { id: null, clear: null });
    return joined({ ...state, lasting }, occasion, true, now);
  }
  const lasting =
    known.clear === null
      ? state.lasting
      : new Map(state.lasting).set(occasion.key, { ...known, clear: null });
  // Only one that stands for itself alone can take the words of one.
  const items = state.items.map((item) =>
    item.id === known.id && item.count === 1 ? { ...item, ...wordsOf(occasion, 1) } : item,
  );
  const isSame = items.every((item, at) => {
    const was = state.items[at];
    return was !== undefined && was.title === item.title && was.body === item.body;
  });
  if (isSame && lasting === state.lasting) return state;
  return { ...state, lasting, items: isSame ? state.items : items };
}

function cleared(state: State, key: string, now: Moment): State {
  const known = state.lasting.get(key);
  if (known === undefined || known.clear !== null) return state;
  if (known.id !== null)
    return { ...state, lasting: new Map(state.lasting).set(key, { ...known, clear: now.mono }) };
  // Over before it was told: nobody needs to know.
  const lasting = new Map(state.lasting);
  lasting.delete(key);
  const groups = new Map(state.groups);
  for (const [name, group] of state.groups) {
    if (!group.occasions.has(key)) continue;
    const occasions = new Map(group.occasions);
    occasions.delete(key);
    if (occasions.size === 0) groups.delete(name);
    else groups.set(name, { ...group, occasions, count: group.count - 1 });
  }
  return { ...state, lasting, groups };
}

function resolved(state: State, key: string, id: number | null, effects: Effect[]): State {
  const lasting = new Map(state.lasting);
  lasting.delete(key);
  if (id === null || [...lasting.values()].some((each) => each.id === id)) return { ...state, lasting };
  effects.push({ type: 'close', id });
  return {
    ...state,
    lasting,
    items: state.items.map((item) => (item.id === id ? { ...item, state: 'resolved' } : item)),
    mutedIds: without(state.mutedIds, id),
  };
}

function joined(state: State, occasion: Occasion, lasting: boolean, now: Moment): State {
  const name = `${occasion.kind} ${occasion.group}`;
  const group = state.groups.get(name);
  const next: Group =
    group === undefined
      ? {
          lasting,
          occasions: new Map([[occasion.key, occasion]]),
          count: 1,
          at: now.wall,
          first: now.mono,
          last: now.mono,
        }
      : {
          ...group,
          occasions: lasting ? new Map(group.occasions).set(occasion.key, occasion) : group.occasions,
          count: group.count + 1,
          last: now.mono,
        };
  return { ...state, groups: new Map(state.groups).set(name, next) };
}

/** A group is whole: it is put on the list, and rung for unless the user wants quiet or had enough. */
function announced(
  before: State,
  name: string,
  group: Group,
  occasion: Occasion,
  now: Moment,
  effects: Effect[],
): State {
  const { count } = group;
  const id = before.nextId;
  const item: Announcement = {
    id,
    kind: occasion.kind,
    ...wordsOf(occasion, count),
    target: occasion.target,
    at: group.at,
    count,
    state: group.lasting ? 'open' : 'passed',
    seen: false,
  };
  const groups = new Map(before.groups);
  groups.delete(name);
  let lasting = before.lasting;
  if (group.lasting) {
    const known = new Map(lasting);
    for (const key of group.occasions.keys()) {
      const each = known.get(key);
      if (each !== undefined) known.set(key, { ...each, id });
    }
    lasting = known;
  }
  const items = [item, ...before.items].slice(0, MAX_ITEMS);
  const state: State = { ...before, nextId: id + 1, items, groups, lasting };
  if (state.mute !== null) {
    const mutedIds = group.lasting ? new Set(state.mutedIds).add(id) : state.mutedIds;
    return { ...state, muted: withheld(state.muted, occasion.kind, 1), mutedIds };
  }
  if (ringsLeft(state, now) === 0) return { ...state, over: withheld(state.over, occasion.kind, 1) };
  effects.push({ type: 'show', announcement: item });
  return rung(state, now);
}

/** What went over the limit is told in one as soon as there is room. */
function summedUp(state: State, now: Moment, effects: Effect[]): State {
  if (state.over.size === 0 || state.mute !== null || ringsLeft(state, now) === 0) return state;
  effects.push({ type: 'show', announcement: summary(state, state.over, 'Quipu kept more from you', now) });
  return rung({ ...state, nextId: state.nextId + 1, over: new Map() }, now);
}

/** When something that was announced meanwhile still lasts, it is told: nobody else will. */
function muteEnded(before: State, now: Moment, effects: Effect[]): State {
  const { muted, mutedIds } = before;
  const state = unmuted(before);
  if (mutedIds.size === 0) return state;
  if (ringsLeft(state, now) === 0) {
    let over = state.over;
    for (const [kind, count] of muted) over = withheld(over, kind, count);
    return { ...state, over };
  }
  effects.push({ type: 'show', announcement: summary(state, muted, 'While Quipu was muted', now) });
  return rung({ ...state, nextId: state.nextId + 1 }, now);
}

function unmuted(state: State): State {
  return { ...state, mute: null, muted: new Map(), mutedIds: new Set() };
}

/** By the user's own hand nothing is told again: the list is where the hand is. */
function muteSet(state: State, until: Millis | null, now: Moment): State {
  if (until === null || until <= now.wall) return unmuted(state);
  return { ...state, mute: { until, ends: now.mono + (until - now.wall) } };
}

function seen(state: State, upTo: number): State {
  if (!state.items.some((item) => item.id <= upTo && !item.seen)) return state;
  return {
    ...state,
    items: state.items.map((item) => (item.id <= upTo && !item.seen ? { ...item, seen: true } : item)),
  };
}

function summary(state: State, kinds: Withheld, title: string, now: Moment): Announcement {
  const total = [...kinds.values()].reduce((sum, count) => sum + count, 0);
  const parts = [...kinds].map(([kind, count]) => `${count} ${KIND_WORDS[kind][count === 1 ? 0 : 1]}`);
  return {
    id: state.nextId,
    kind: 'summary',
    title: `${title}: ${total} ${total === 1 ? 'announcement' : 'announcements'}`,
    body: `${parts.join(', ')}. Open the list of announcements to read them.`,
    target: { view: 'announcements', market: null, at: null },
    at: now.wall,
    count: total,
    state: 'passed',
    seen: false,
  };
}

function wordsOf(occasion: Occasion, count: number): Pick<Announcement, 'title' | 'body'> {
  const title = count === 1 ? occasion.title : occasion.many(count);
  return { title: cleanWords(title, MAX_TITLE), body: cleanWords(occasion.body, MAX_BODY) };
}

function ringsLeft({ rings }: State, now: Moment): number {
  return MAX_RINGS - rings.filter((at) => now.mono - at < RING_WINDOW_MS).length;
}

function rung(state: State, now: Moment): State {
  const rings = state.rings.filter((at) => now.mono - at < RING_WINDOW_MS);
  return { ...state, rings: [...rings, now.mono] };
}

function withheld(before: Withheld, kind: Kind, count: number): Withheld {
  return new Map(before).set(kind, (before.get(kind) ?? 0) + count);
}

function without(ids: ReadonlySet<number>, id: number): ReadonlySet<number> {
  if (!ids.has(id)) return ids;
  const rest = new Set(ids);
  rest.delete(id);
  return rest;
}

function firstOf({ occasions }: Group): Occasion | undefined {
  return occasions.values().next().value;
}
