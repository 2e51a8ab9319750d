/** Coverage for a picture or a message that has no room for every stretch: nothing bad is hidden. */
import {
  COVERAGE_RANK,
  type CoverageRun,
  type CoverageState,
  type CoverageStretch,
  type Micros,
} from '../contract.ts';

const RANK: ReadonlyMap<CoverageState, number> = new Map(COVERAGE_RANK.map((state, rank) => [state, rank]));

/**
 * From what yields to what prevails where lines are put together: one quiet market, or one that is
 * refused, tells nothing bad of the others.
 */
const TOGETHER: readonly CoverageState[] = ['off', 'quiet', 'live', 'recovered', 'unverified', 'lost'];

/** A line in buckets of one length, each in the worst state that any of its time is in. */
export class Fold {
  /** How long a bucket is; the last one may be shorter. */
  readonly grain: Micros;
  readonly #from: Micros;
  readonly #to: Micros;
  readonly #worst: (CoverageStretch | null)[];

  /** @param to later than `from` */
  constructor(from: Micros, to: Micros, buckets: number) {
    this.#from = from;
    this.#to = to;
    this.grain = Math.max(1, Math.ceil((to - from) / buckets));
    this.#worst = Array.from({ length: Math.ceil((to - from) / this.grain) }, () => null);
  }

  /** In any order; what lies outside is left out. */
  add(stretch: CoverageStretch): void {
    const from = Math.max(stretch.from, this.#from);
    const to = Math.min(stretch.to, this.#to);
    if (to <= from) return;
    const rank = RANK.get(stretch.state) ?? 0;
    const last = Math.ceil((to - this.#from) / this.grain) - 1;
    for (let at = Math.floor((from - this.#from) / this.grain); at <= last; at++) {
      const held = this.#worst[at] ?? null;
      if (held === null || rank > (RANK.get(held.state) ?? 0)) this.#worst[at] = stretch;
    }
  }

  /** Buckets of which anything was added, with the cause of their state; neighbours of both alike are one. */
  get stretches(): CoverageStretch[] {
    const out: { -readonly [K in keyof CoverageStretch]: CoverageStretch[K] }[] = [];
    this.#worst.forEach((worst, at) => {
      if (worst === null) return;
      const from = this.#from + at * this.grain;
      const to = Math.min(from + this.grain, this.#to);
      const last = out.at(-1);
      if (last?.to === from && last.state === worst.state && last.cause === worst.cause) last.to = to;
      else out.push({ from, to, state: worst.state, cause: worst.cause });
    });
    return out;
  }

  /** The same without causes. */
  get runs(): CoverageRun[] {
    return runsOf(this.#from, this.#to, this.grain, (at) => this.#worst[at]?.state ?? null);
  }

  /** How many buckets there are. */
  get length(): number {
    return this.#worst.length;
  }

  state(bucket: number): CoverageState | null {
    return this.#worst[bucket]?.state ?? null;
  }
}

/** Many lines in one: the rule of `SessionCord`. */
export class Together {
  readonly #from: Micros;
  readonly #to: Micros;
  readonly #grain: Micros;
  /** Place in TOGETHER; -1 for nothing. */
  readonly #states: Int8Array;

  constructor(from: Micros, to: Micros, buckets: number) {
    const { grain, length } = new Fold(from, to, buckets);
    this.#from = from;
    this.#to = to;
    this.#grain = grain;
    this.#states = new Int8Array(length).fill(-1);
  }

  /** @param line of the same times and buckets */
  add(line: Fold): void {
    for (let at = 0; at < this.#states.length; at++) {
      const state = line.state(at);
      if (state === null) continue;
      this.#states[at] = Math.max(this.#states[at] ?? -1, TOGETHER.indexOf(state));
    }
  }

  /** @param other of the same times and buckets, as `states` gave it */
  join(other: Int8Array): void {
    for (let at = 0; at < this.#states.length; at++) {
      this.#states[at] = Math.max(this.#states[at] ?? -1, other[at] ?? -1);
    }
  }

  get states(): Int8Array {
    return this.#states;
  }

  get runs(): CoverageRun[] {
    return runsOf(this.#from, this.#to, this.#grain, (at) => TOGETHER[this.#states[at] ?? -1] ?? null);
  }
}

function runsOf(
  start: Micros,
  end: Micros,
  grain: Micros,
  stateOf: (bucket: number) => CoverageState | null,
): CoverageRun[] {
  const out: { from: Micros; to: Micros; state: CoverageState }[] = [];
  for (let from = start, at = 0; from < end; from += grain, at++) {
    const state = stateOf(at);
    if (state === null) continue;
    const to = Math.min(from + grain, end);
    const last = out.at(-1);
    if (last?.to === from && last.state === state) last.to = to;
    else out.push({ from, to, state });
  }
  return out;
}

/** Stretches as they are while they are at most `most`, and folded into half as many buckets beyond. */
export class Gathered {
  readonly #from: Micros;
  readonly #to: Micros;
  readonly #most: number;
  #exact: CoverageStretch[] = [];
  #fold: Fold | null = null;

  /** @param to later than `from` */
  constructor(from: Micros, to: Micros, most: number) {
    this.#from = from;
    this.#to = to;
    this.#most = most;
  }

  /** In the order of time. */
  add(stretch: CoverageStretch): void {
    if (this.#fold !== null) {
      this.#fold.add(stretch);
      return;
    }
    this.#exact.push(stretch);
    if (this.#exact.length <= this.#most) return;
    this.#fold = new Fold(this.#from, this.#to, this.#most / 2);
    for (const each of this.#exact) this.#fold.add(each);
    this.#exact = [];
  }

  get stretches(): CoverageStretch[] {
    return this.#fold?.stretches ?? this.#exact;
  }

  /** 0 while nothing was folded. */
  get grain(): Micros {
    return this.#fold?.grain ?? 0;
  }
}
