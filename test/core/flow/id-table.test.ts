/** A table of ids against a plain set of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../../../main/core/flow/id-table.ts';
import { ByteSpan } from '../../../main/core/protocol/byte-span.ts';

const SEED = 4711;

function spanOf(id: string): ByteSpan {
  return new ByteSpan().write(id);
}

/** Adds the id unless it is there; `hash` may be worse than the real one. */
function accept(table: IdTable, market: number, id: string, hash = spanOf(id).hash(SEED ^ market)): boolean {
  const span = spanOf(id);
  const isNew = !table.has(hash, market, span);
  expect(table.add(hash, market, span)).toBe(isNew);
  expect(table.has(hash, market, span)).toBe(true);
  return isNew;
}

describe('a table of ids', () => {
  it('tells what it has as a set does, whatever the ids and however often they come', () => {
    const id = fc.oneof(
      fc.uuid(),
      fc.nat().map(String),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }),
      fc.constantFrom('1', '01', '1\u0000', 'é', 'e\u0301'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), id), { maxLength: 200 }), (told) => {
        const table = new IdTable();
        const known = new Set<string>();
        for (const [market, each] of told) {
          const name = `${market} ${each}`;
          expect(accept(table, market, each)).toBe(!known.has(name));
          known.add(name);
        }
        expect(table.count).toBe(known.size);
      }),
    );
  });

  it('keeps all of them when it grows', () => {
    const table = new IdTable();
    for (let n = 0; n < 20_000; n++) expect(accept(table, n % 3, `id-${n}`)).toBe(true);
    for (let n = 0; n < 20_000; n++) expect(accept(table, n % 3, `id-${n}`)).toBe(false);
  });

  it('compares ids, not hashes', () => {
    const table = new IdTable();
    for (let n = 0; n < 500; n++) expect(accept(table, 0, `id-${n}`, 7)).toBe(true);
    for (let n = 0; n < 500; n++) expect(accept(table, 0, `id-${n}`, 7)).toBe(false);
    expect(accept(table, 1, 'id-1', 7)).toBe(true);
    expect(accept(table, 0, 'id-1', -1)).toBe(true);
  });

  it('counts no fewer hashes as taken than it has ids of', () => {
    const table = new IdTable();
    const hashes = Int32Array.from({ length: 300 }, (_, n) => spanOf(`id-${n}`).hash(SEED));
    expect(table.taken(hashes, 300)).toBe(0);
    for (let n = 0; n < 200; n++) accept(table, 0, `id-${n}`, hashes[n]);
    expect(table.taken(hashes, 300)).toBeGreaterThanOrEqual(200);
    expect(table.taken(hashes, 100)).toBe(100);
  });

  it('spreads ids that follow each other', () => {
    const places = new Set(
      Array.from({ length: 4_096 }, (_, n) => spanOf(String(3_401_927_715 + n)).hash(SEED) & 4_095),
    );
    // By chance alone 63 % of the places are hit.
    expect(places.size).toBeGreaterThan(4_096 * 0.58);
  });
});

describe('a span of bytes', () => {
  it('is the same wherever it lies', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), fc.nat(9), (text, before) => {
        const span = new ByteSpan();
        const around = Buffer.from(`${'x'.repeat(before)}${text}yyy`);
        span.memory.over(around);
        span.start = around.byteOffset + before;
        span.end = span.start + text.length;
        const written = spanOf(text);
        expect(span.text).toBe(text);
        expect(span.hash(SEED)).toBe(written.hash(SEED));
        expect(span.isAt(written.memory, 0)).toBe(true);
        if (text !== '') expect(spanOf(`${text.slice(1)}\u0001`).isAt(span.memory, span.start)).toBe(false);
      }),
    );
  });
});
