/**
 * Accepts each trade exactly once, though the server redelivers the last two minutes at every
 * connection. The rules are those of the feed's description, "Redelivery":
 *
 * - a trade with an id: repeats of (market, id) are dropped;
 * - a trade without one: at each connect the multiset of fingerprints accepted within the
 *   retention is taken; each match consumes one and is dropped, so that of two identical fills,
 *   which are legitimate, neither is lost.
 *
 * The memory is kept in generations. Time stands still while disconnected: only `elapse` moves it.
 */

import { ByteSpan } from '../protocol/byte-span.ts';
import type { Wide } from '../protocol/wide.ts';
import type { RowIds } from './batch.ts';
import { IdTable } from './id-table.ts';

/** Longer than the server's queue of two minutes, so that nothing it holds is forgotten here. */
export const RETENTION_MS = 5 * 60_000;
const GENERATION_MS = 60_000;
const GENERATIONS = RETENTION_MS / GENERATION_MS + 1;

/** Rows that are judged together; a packet brings fewer. */
export const MOST_AT_ONCE = 1_024;

interface Generation {
  readonly ids: IdTable;
  readonly prints: Map<string, number>;
}

export class RedeliveryMemory {
  #generations: Generation[] = [newGeneration(0)];
  #age = 0;
  /** What redelivery may still repeat, for trades without an id. */
  #repeatable = new Map<string, number>();
  /** Unknown to servers, so that none can choose ids that all fall into one place. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  readonly #written = new ByteSpan();
  #span = new ByteSpan();
  readonly #hashes = new Int32Array(MOST_AT_ONCE);

  /** Connected time that passed, in ms. */
  elapse(ms: number): void {
    this.#age += ms;
    while (this.#age >= GENERATION_MS) {
      this.#age -= GENERATION_MS;
      this.#generations.unshift(newGeneration(this.#newest.ids.count));
      if (this.#generations.length > GENERATIONS) this.#generations.pop();
    }
  }

  /** A connection was made: redelivery may begin. */
  connected(): void {
    this.#repeatable = new Map();
    for (const { prints } of this.#generations) {
      for (const [print, count] of prints) {
        this.#repeatable.set(print, (this.#repeatable.get(print) ?? 0) + count);
      }
    }
  }

  /**
   * @param market the caller's number for it
   * @param id as text or as its UTF-8
   * @param fingerprint called only for a trade without an id: market, time, price, size and side
   * @returns false for a repeat, which is to be dropped
   */
  accept(market: number, id: string | ByteSpan, fingerprint: () => string): boolean {
    if (id.length === 0) return this.#acceptPrint(fingerprint());
    const span = typeof id === 'string' ? this.#written.write(id) : id;
    return this.#acceptId(span.hash(this.#seed ^ market), market, span, this.#older);
  }

  /**
   * The same for rows from `first` up to `end`, at most `MOST_AT_ONCE`: faster than one by one, as what is
   * to be looked at is fetched for all of them first.
   *
   * @param kept is given 1 for each row that is accepted and 0 for a repeat, from its beginning on
   * @param fingerprint of a row without an id
   */
  acceptRows(
    { idEnd, ids, market }: RowIds,
    first: number,
    end: number,
    kept: Uint8Array,
    fingerprint: (row: number) => string,
  ): void {
    const hashes = this.#hashes;
    const span = this.#spanOf(ids);
    const begin = first === 0 ? 0 : (idEnd[first - 1] ?? 0);
    span.end = begin;
    for (let row = first; row < end; row++) {
      span.start = span.end;
      span.end = idEnd[row] ?? 0;
      hashes[row - first] = span.hash(this.#seed ^ (market[row] ?? 0));
    }
    const newest = this.#newest.ids;
    const older: IdTable[] = [];
    // Also of the newest, which is asked in any case, the slots are to be near.
    for (const { ids: table } of this.#generations) {
      if (table.taken(hashes, end - first) > 0 && table !== newest) older.push(table);
    }
    span.end = begin;
    for (let row = first; row < end; row++) {
      span.start = span.end;
      span.end = idEnd[row] ?? 0;
      const accepted =
        span.length === 0
          ? this.#acceptPrint(fingerprint(row))
          : this.#acceptId(hashes[row - first] ?? 0, market[row] ?? 0, span, older);
      kept[row - first] = accepted ? 1 : 0;
    }
  }

  #spanOf(ids: Wide): ByteSpan {
    if (this.#span.memory !== ids) this.#span = new ByteSpan(ids);
    return this.#span;
  }

  /** @param older the generations before the newest that may have it */
  #acceptId(hash: number, market: number, span: ByteSpan, older: readonly IdTable[]): boolean {
    for (const table of older) if (table.has(hash, market, span)) return false;
    return this.#newest.ids.add(hash, market, span);
  }

  get #older(): readonly IdTable[] {
    return this.#generations.slice(1).map(({ ids }) => ids);
  }

  /** A trade that an earlier run accepted and stored. */
  restore(market: number, id: string, fingerprint: () => string): void {
    if (id === '') this.#count(fingerprint());
    else this.accept(market, id, fingerprint);
  }

  #acceptPrint(print: string): boolean {
    const left = this.#repeatable.get(print) ?? 0;
    if (left > 0) {
      this.#repeatable.set(print, left - 1);
      return false;
    }
    this.#count(print);
    return true;
  }

  #count(print: string): void {
    const { prints } = this.#newest;
    prints.set(print, (prints.get(print) ?? 0) + 1);
  }

  get #newest(): Generation {
    return this.#generations[0] as Generation;
  }
}

/** @param expected ids: as many as the one before had */
function newGeneration(expected: number): Generation {
  return { ids: new IdTable(expected), prints: new Map() };
}

/** What makes two trades without ids the same one. */
export function fingerprint(trade: {
  readonly market: string;
  readonly exchangeTime: number;
  readonly price: string;
  readonly size: string;
  readonly side: string;
}): string {
  return `${trade.market}\n${trade.exchangeTime}\n${trade.price}\n${trade.size}\n${trade.side}`;
}
