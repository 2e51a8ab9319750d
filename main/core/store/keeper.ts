/**
 * Keeps the store within its policy: looks from time to time for what has become too old or too much, and
 * deletes it in portions, apart from commits. Where nothing may be deleted any more and the store is still
 * beyond its limit, it refuses what is to be recorded until there is room.
 */
import type { Database } from 'better-sqlite3';
import type { Micros, RetentionPolicy } from '../contract.ts';
import { QuipuError } from '../result.ts';
import {
  type Candidate,
  cutsOf,
  KEPT_LIVE,
  POLICY_SETTING,
  prepareRetention,
  storedPolicy,
} from './retention.ts';
import type { Sealer } from './sealer.ts';
import { prepareSpace } from './space.ts';

export interface Keeper {
  /** Stored; the next look goes by it. */
  setPolicy(policy: RetentionPolicy): void;
  /** Looks for what is to go. @param now the wall clock's */
  look(now: Micros): void;
  /** There is a portion to delete, or room to give back. */
  readonly due: boolean;
  /** One portion of either. When it throws, nothing of the portion was done, and the next look begins anew. */
  keep(): void;
  /**
   * Before a commit. The first one beyond the limit is let in, and makes room be looked for.
   *
   * @throws {QuipuError} kind `storage` while the store is beyond its limit and nothing of it may be deleted
   */
  admit(now: Micros): void;
  /** Whether anything was deleted since this was last asked. */
  takeNews(): boolean;
}

const KINDS = ['trades', 'candles'] as const;
/** What is recorded next takes these, so that the file does not shrink only to grow. */
const SPARE_PAGES = 256;
/** So many free pages are given back though retention deleted nothing: sealing alone leaves fewer. */
const LOOSE_PAGES = 4_096;

/** @param database open for writing and migrated */
export function createKeeper(database: Database, sealer: Pick<Sealer, 'finish'>): Keeper {
  const retention = prepareRetention(database);
  const space = prepareSpace(database);
  const readPolicy = database
    .prepare<[name: string], string>('SELECT json FROM settings WHERE name = ?')
    .pluck();
  const writePolicy = database.prepare<[name: string, json: string]>(
    'INSERT INTO settings (name, json) VALUES (?, ?) ON CONFLICT DO UPDATE SET json = excluded.json',
  );
  const oldestSegment = database
    .prepare<[], number>('SELECT last_receipt FROM segments ORDER BY first_row LIMIT 1')
    .pluck();

  let policy = storedPolicy(readPolicy.get(POLICY_SETTING) ?? null);
  /** What is left of the present run; null: nothing. */
  let run: Generator<void, void, void> | null = null;
  let full = false;
  let news = false;
  /** What was deleted may still be free pages of the file; at the start, that of an earlier run. */
  let isLoose = true;

  function hasDeleted(): void {
    news = true;
    isLoose = true;
  }

  /** What of a session may go for the sake of the limit. */
  function freeUntil({ isRecording }: Candidate, now: Micros): Micros {
    return isRecording ? now - KEPT_LIVE : Infinity;
  }

  /** Bytes by which the store is beyond its limit; 0 or less: it is not. */
  function beyond(): number {
    return policy.maxBytes === null ? 0 : space.used() - policy.maxBytes;
  }

  function mayShrink(now: Micros): boolean {
    return retention.oldest.candidates().some((session) => {
      const until = freeUntil(session, now);
      return KINDS.some((kind) => (retention.oldest.first(session, kind) ?? Infinity) < until);
    });
  }

  /** @param wanted how many bytes are still to go */
  function* deleteFrom(
    session: Candidate,
    kind: (typeof KINDS)[number],
    cut: Micros,
    wanted: () => number,
  ): Generator<void, void, void> {
    // Without a transaction for each of many sessions that have nothing to delete.
    if ((retention.oldest.first(session, kind) ?? Infinity) >= cut) return;
    for (let most = wanted(); most > 0 && retention[kind](session.id, cut, most); most = wanted()) {
      hasDeleted();
      yield;
    }
  }

  function* deleteOld(now: Micros): Generator<void, void, void> {
    const cuts = cutsOf(policy, now);
    for (const kind of KINDS) {
      const cut = cuts[kind];
      if (cut === null) continue;
      for (const session of retention.oldest.candidates()) {
        yield* deleteFrom(session, kind, cut, () => Infinity);
      }
    }
    while (cuts.history !== null && retention.history(cuts.history)) {
      hasDeleted();
      yield;
    }
  }

  function* deleteBeyond(now: Micros): Generator<void, void, void> {
    for (const kind of KINDS) {
      if (beyond() <= 0) return;
      for (const session of retention.oldest.candidates()) {
        yield* deleteFrom(session, kind, freeUntil(session, now), beyond);
      }
    }
  }

  function* giveBack(): Generator<void, void, void> {
    while (space.free() > SPARE_PAGES) {
      space.giveBack(SPARE_PAGES);
      yield;
    }
    // A reader that holds on to an old state keeps it from being whole: the next look tries again.
    isLoose = !space.checkpoint();
  }

  function* portions(now: Micros): Generator<void, void, void> {
    yield* deleteOld(now);
    yield* deleteBeyond(now);
    full = beyond() > 0;
    if (isLoose || space.free() > LOOSE_PAGES) yield* giveBack();
  }

  return {
    setPolicy(next) {
      writePolicy.run(POLICY_SETTING, JSON.stringify(next));
      policy = next;
      run = null;
    },
    look(now) {
      const { trades } = cutsOf(policy, now);
      // What is not sealed yet cannot be deleted; in a slow recording that takes days.
      if (trades !== null && (oldestSegment.get() ?? Infinity) < trades) sealer.finish();
      run ??= portions(now);
    },
    get due() {
      return run !== null;
    },
    keep() {
      const present = run;
      run = null;
      if (present?.next().done === false) run = present;
    },
    admit(now) {
      const isBeyond = beyond() > 0;
      full &&= isBeyond && !mayShrink(now);
      if (full) throw fullError(policy.maxBytes ?? 0);
      if (isBeyond) run ??= portions(now);
    },
    takeNews() {
      const told = news;
      news = false;
      return told;
    },
  };
}

function fullError(limit: number): QuipuError {
  return new QuipuError(
    'storage',
    `The store has reached its limit of ${Math.round(limit / 1e6)} MB, and retention may delete no more of it: what is left is pinned, or was received in the last hour.`,
    'Raise the limit (Settings, Storage), or unpin a session.',
  );
}
