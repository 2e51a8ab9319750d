/** A strand against a model of it that has a cell for every moment. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CoverageState } from '../../../main/core/contract.ts';
import type { CoverageStart } from '../../../main/core/contract.ts';
import { Strand } from '../../../main/core/coverage/strand.ts';

const LENGTH = 40;
const states: readonly CoverageState[] = ['live', 'quiet', 'off', 'recovered', 'unverified', 'lost'];

const moment = fc.integer({ min: -3, max: LENGTH - 1 });
const state = fc.constantFrom(...states);
const cause = fc.constantFrom('', 'cut');
const step = fc.oneof(
  fc.record({
    kind: fc.constant('paint' as const),
    from: moment,
    to: fc.option(moment),
    state,
    cause,
    over: fc.option(fc.subarray([...states])),
  }),
  fc.record({ kind: fc.constant('append' as const), at: moment, state, cause }),
  fc.record({ kind: fc.constant('take' as const), fails: fc.boolean() }),
);

function cellsOf(starts: readonly CoverageStart[]): string[] {
  return Array.from({ length: LENGTH }, (_, at) => {
    const start = starts.findLast(({ from }) => from <= at);
    return start === undefined ? '' : `${start.state} ${start.cause}`;
  });
}

it('is what was painted last at every moment, and so is what was written of it', () => {
  const run = fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
    const strand = new Strand();
    strand.begin({ from: 0, state: 'off', cause: '' });
    const model = Array.from({ length: LENGTH }, () => 'off ');
    let written: CoverageStart[] = [];
    const write = (fails: boolean): void => {
      const change = strand.take();
      if (change === null) return;
      if (fails) strand.untake(change.from);
      else written = [...written.filter(({ from }) => from < change.from), ...change.starts];
    };
    for (const one of steps) {
      if (one.kind === 'take') {
        write(one.fails);
        continue;
      }
      const wanted = `${one.state} ${one.cause}`;
      if (one.kind === 'append') {
        const last = strand.starts.at(-1);
        strand.append(one.at, one.state, one.cause);
        model.fill(wanted, Math.max(one.at, last?.from ?? 0));
      } else {
        strand.paint(one.from, one.to, one.state, one.cause, one.over);
        for (let at = Math.max(0, one.from); at < (one.to ?? LENGTH); at++) {
          const held = model[at]?.split(' ')[0] as CoverageState;
          if (one.over === null || one.over.includes(held)) model[at] = wanted;
        }
      }
      expect(cellsOf(strand.starts)).toEqual(model);
      const { starts } = strand;
      starts.slice(1).forEach((start, index) => {
        const before = starts[index];
        expect(start.from).toBeGreaterThan(before?.from ?? Infinity);
        expect([start.state, start.cause]).not.toEqual([before?.state, before?.cause]);
      });
    }
    write(false);
    expect(written).toEqual(strand.starts);
  });
  fc.assert(run, { numRuns: 500 });
});

it('keeps what lies before what it forgot', () => {
  const strand = new Strand();
  strand.begin({ from: 0, state: 'off', cause: '' });
  strand.append(10, 'live', '');
  strand.append(20, 'quiet', '');
  strand.forget(15);
  expect(strand.starts[0]?.from).toBe(0);
  strand.take();
  strand.forget(15);
  expect(strand.starts.map(({ from }) => from)).toEqual([10, 20]);
  strand.paint(0, null, 'lost', 'cut');
  expect(strand.take()).toEqual({ from: 10, starts: [{ from: 10, state: 'lost', cause: 'cut' }] });
});
