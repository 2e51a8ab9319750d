/** What a check of the store finds, in words for the user. */
import { cleanWords } from '../protocol/words.ts';
import { codeOf } from './errors.ts';

/** Stable names. `file` is SQLite's own; `trades` are trades that cannot be read as they were received. */
export type FaultKind =
  'file' | 'schema' | 'trades' | 'bars' | 'session' | 'candles' | 'coverage' | 'links' | 'settings';

export interface Fault {
  readonly kind: FaultKind;
  /** The table and its row, and of which market and session it is. */
  readonly where: string;
  readonly what: string;
  /** The one thing to do. */
  readonly action: string;
}

/** Most that are listed: of a file that is damaged all over, more say nothing more. */
const MOST_FAULTS = 1_000;
const LONGEST_WORDS = 300;

const SALVAGE =
  'Close Quipu and run `quipu store salvage`: it puts this file aside and keeps what can be read of it.';
const ACTIONS: Readonly<Record<FaultKind, string>> = {
  file: SALVAGE,
  schema: SALVAGE,
  trades: SALVAGE,
  bars: `What is drawn may be wrong, exports are not. ${SALVAGE}`,
  session: SALVAGE,
  candles: 'Do not rely on this candle; that of another session may be whole.',
  coverage: 'Do not rely on what is told of this time; the trades themselves are not touched.',
  links: 'Do not rely on this entry; the trades themselves are not touched.',
  settings: 'Set it again in Quipu.',
};

export class Faults {
  readonly list: Fault[] = [];
  #more = 0;

  /** Those that are not listed. */
  get more(): number {
    return this.#more;
  }

  add(kind: FaultKind, where: string, what: string): void {
    if (this.list.length >= MOST_FAULTS) {
      this.#more++;
      return;
    }
    this.list.push({
      kind,
      where: cleanWords(where, LONGEST_WORDS),
      what: cleanWords(what, LONGEST_WORDS),
      action: ACTIONS[kind],
    });
  }

  /** Whatever `run` throws is a fault too: what is damaged may fail in any way. null when it threw. */
  attempt<T>(kind: FaultKind, where: string, run: () => T): T | null {
    try {
      return run();
    } catch (error) {
      const code = codeOf(error);
      const words = error instanceof Error ? error.message : String(error);
      this.add(
        code.startsWith('SQLITE') ? 'file' : kind,
        where,
        `cannot be read (${code === '' ? '' : `${code}: `}${words})`,
      );
      return null;
    }
  }
}
