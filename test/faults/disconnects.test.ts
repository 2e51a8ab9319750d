/** The short form of `npm run faults -- disconnects`: 300 of the 10,000, and what shows that it can fail. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Ledger } from '../../main/core/coverage/ledger.ts';
import { RedeliveryMemory } from '../../main/core/flow/redelivery.ts';
import { live, planOf, plansOf } from './disconnects.ts';

it.each(plansOf(1, 300))('100 disconnects at random, of seed $seed', { timeout: 300_000 }, async (plan) => {
  const { faults, injected, lostStretches, repeats, reported, stored } = await live(plan);
  expect(faults).toEqual([]);
  expect([injected, reported]).toEqual([100, 100]);
  // Nothing of this is for want of something to lose.
  for (const count of [lostStretches, repeats, stored]) expect(count).toBeGreaterThan(20);
});

describe('it would be seen, when', { timeout: 300_000 }, () => {
  const markets = [
    { id: 'm', ids: 'mixed', weight: 1 },
    { id: 'n', ids: 'none', weight: 1 },
  ] as const;
  const plan = { ...planOf(7, 25), form: { markets, pause: 1_000 } };
  afterEach(() => void vi.restoreAllMocks());

  it('repeats without ids were not told from new trades', async () => {
    vi.spyOn(RedeliveryMemory.prototype, 'connected').mockImplementation(() => undefined);
    expect((await live(plan)).faults.join('\n')).toContain('doubled: ');
  });

  it('of identical fills one were kept', async () => {
    const seen = new Set<string>();
    vi.spyOn(RedeliveryMemory.prototype, 'acceptRows').mockImplementation((_ids, first, end, kept, print) => {
      for (let row = first; row < end; row++)
        kept[row - first] = seen.size < seen.add(print(row)).size ? 1 : 0;
    });
    expect((await live(plan)).faults.join('\n')).toContain('lost: ');
  });

  it('what an earlier run stored were not read back', async () => {
    vi.spyOn(RedeliveryMemory.prototype, 'restore').mockImplementation(() => undefined);
    const crashes = { ...plan, disconnects: plan.disconnects.map((one) => ({ ...one, happens: CRASH })) };
    expect((await live(crashes)).faults.join('\n')).toContain('doubled: ');
  });

  it('an outage were told as known', async () => {
    vi.spyOn(Ledger.prototype, 'disconnected').mockImplementation(() => []);
    const words = (await live(plan)).faults.join('\n');
    expect(words).toContain('not told as lost: ');
    expect(words).toContain('was never got across');
  });
});

const CRASH = { kind: 'crash', after: 1_000 } as const;
