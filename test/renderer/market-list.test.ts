import { describe, expect, it } from 'vitest';
import type { BrowsePage, CommandArgs, MarketInfo } from '../../main/core/contract.ts';
import { fail, ok, type Result } from '../../main/core/result.ts';
import { MarketList } from '../../renderer/state/market-list.svelte.ts';

type Args = CommandArgs<'markets.browse'>;

/** Everything that was queued before has run. */
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

/** A core with numbered markets, whose answers the test lets through one by one. */
class Core {
  total = 1_000;
  revision = 1;
  readonly asked: Args[] = [];
  #waiting: (() => void)[] = [];

  readonly browse = (args: Args): Promise<Result<BrowsePage>> => {
    this.asked.push(args);
    const { revision, total } = this;
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(ok(page(args, total, revision))));
    });
  };

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Answers what waits: in order, or the newest first. */
  async answer(order: 'oldest' | 'newest' = 'oldest'): Promise<void> {
    const waiting = this.#waiting.splice(0);
    if (order === 'newest') waiting.reverse();
    for (const resolve of waiting) {
      resolve();
      await settled();
    }
  }

  /** Until nothing is asked for any more. */
  async answerAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.answer();
  }
}

function page({ text, offset, limit }: Args, total: number, revision: number): BrowsePage {
  const markets = Array.from(
    { length: Math.max(0, Math.min(limit, total - offset)) },
    (_, at): MarketInfo => {
      const id = `${text}${offset + at}@${revision}`;
      return { id, venue: 'v', symbol: id, base: 'usdt', assetType: null, active: true, volume1h: null };
    },
  );
  const active = { yes: total, no: 0 };
  return { revision, total, offset, markets, venues: [], assetTypes: [], active, read: 5 };
}

async function listed(core = new Core()): Promise<{ core: Core; list: MarketList }> {
  const list = new MarketList(core.browse);
  list.ask({});
  await core.answerAll();
  core.asked.length = 0;
  return { core, list };
}

const idOf = (list: MarketList, index: number): string | undefined => list.row(index)?.id;

describe('MarketList', () => {
  it('has the first rows at once, and the others as they come into sight', async () => {
    const { core, list } = await listed();
    expect(list.total).toBe(1_000);
    expect([idOf(list, 0), idOf(list, 99), idOf(list, 100)]).toEqual(['0@1', '99@1', undefined]);
    list.show(90, 130);
    expect(core.asked).toMatchObject([{ offset: 100, limit: 100 }]);
    await core.answerAll();
    expect(idOf(list, 129)).toBe('129@1');
    list.show(20, 60);
    expect(core.asked).toHaveLength(1);
  });

  it('asks for the end of a scroll, not for all that lay between', async () => {
    const { core, list } = await listed();
    for (let first = 0; first < 960; first += 20) list.show(first, first + 40);
    await core.answerAll();
    const offsets = core.asked.map(({ offset }) => offset);
    expect(offsets.slice(0, 2)).toEqual([100, 200]);
    expect(offsets.length).toBeLessThanOrEqual(4);
    expect(idOf(list, 979)).toBe('979@1');
    expect(idOf(list, 500)).toBeUndefined();
  });

  it('keeps what is shown until the answer to newer words is here, and takes no older one then', async () => {
    const { core, list } = await listed();
    list.show(0, 40);
    list.ask({ text: 'b' });
    list.ask({ text: 'bt' });
    expect(idOf(list, 0)).toBe('0@1');
    await core.answer('newest');
    expect(idOf(list, 0)).toBe('bt0@1');
    await core.answerAll();
    expect(idOf(list, 0)).toBe('bt0@1');
  });

  it('does not mix pages of a new query into the rows of the old one', async () => {
    const { core, list } = await listed();
    list.ask({ text: 'b' });
    list.show(150, 190);
    expect(core.asked.map(({ text, offset }) => [text, offset])).toEqual([['b', 0]]);
    expect(list.row(150)).toBeNull();
    await core.answerAll();
    expect(idOf(list, 150)).toBe('b150@1');
  });

  it('a new query starts at its top; a renewal stays where one is', async () => {
    const { core, list } = await listed();
    list.show(400, 440);
    await core.answerAll();
    list.scrollTop = 400 * 28;
    list.move(410, false);
    core.revision = 2;
    list.renewed();
    expect(idOf(list, 410)).toBe('410@1');
    await core.answerAll();
    expect(idOf(list, 410)).toBe('410@2');
    expect([list.cursor, list.scrollTop, list.begun]).toEqual([410, 400 * 28, 1]);
    // The rest is of the older dictionary.
    expect(list.row(0)).toBeNull();
    list.ask({ venue: 'okx' });
    await core.answerAll();
    expect([list.cursor, list.scrollTop, list.begun, idOf(list, 0)]).toEqual([0, 0, 2, '0@2']);
  });

  it('does not move under the pointer, and says that it waits', async () => {
    const { core, list } = await listed();
    list.hold();
    core.revision = 2;
    list.renewed();
    await core.answerAll();
    expect([list.isOutdated, idOf(list, 0)]).toEqual([true, '0@1']);
    list.release();
    await core.answerAll();
    expect([list.isOutdated, idOf(list, 0)]).toEqual([false, '0@2']);
  });

  it('asks anew for all in sight when a page is of another dictionary', async () => {
    const { core, list } = await listed();
    core.revision = 2;
    core.total = 250;
    list.show(180, 220);
    await core.answerAll();
    expect([idOf(list, 180), idOf(list, 219), list.total]).toEqual(['180@2', '219@2', 250]);
  });

  it('selects from where one began to where one is, and no further than there are rows', async () => {
    const { core, list } = await listed();
    list.move(5, false);
    list.move(8, true);
    expect(list.selection).toEqual({ from: 5, to: 9 });
    list.move(2, true);
    expect(list.selection).toEqual({ from: 2, to: 6 });
    list.move(5_000, true);
    expect(list.selection).toEqual({ from: 5, to: 1_000 });
    list.move(-3, false);
    expect(list.selection).toEqual({ from: 0, to: 1 });
    core.total = 0;
    list.ask({ text: 'nothing' });
    await core.answerAll();
    expect(list.selection).toEqual({ from: 0, to: 0 });
  });

  it('gives the ids of rows that are not here, as many as are wanted', async () => {
    const { core, list } = await listed();
    const some = list.ids(10, 1_000, 250, (id) => !id.startsWith('11@'));
    await core.answer();
    await core.answer();
    const result = await some;
    expect(result.ok && result.value).toHaveLength(250);
    expect(result.ok && result.value.slice(0, 2)).toEqual(['10@1', '12@1']);
    expect(core.asked.map(({ offset, limit }) => [offset, limit])).toEqual([
      [10, 200],
      [210, 200],
    ]);
  });

  it('gives no ids of a list that is not the one that is shown', async () => {
    const { core, list } = await listed();
    list.hold();
    core.revision = 2;
    list.renewed();
    const some = list.ids(0, 2, 2, () => true);
    await core.answerAll();
    expect(await some).toMatchObject({
      ok: false,
      error: { kind: 'busy', action: 'Choose the markets again.' },
    });
    expect(idOf(list, 0)).toBe('0@2');
  });

  it('a column sorts one way, then the other, then no more', async () => {
    const { list } = await listed();
    const sorts = (column: 'pair' | 'volume'): unknown[] =>
      [1, 2, 3].map(() => {
        list.sortBy(column);
        return [list.query.sort, list.query.descending];
      });
    expect(sorts('pair')).toEqual([
      ['pair', false],
      ['pair', true],
      ['relevance', false],
    ]);
    expect(sorts('volume')).toEqual([
      ['volume', true],
      ['volume', false],
      ['relevance', false],
    ]);
  });

  it('shows why nothing came, and asks again', async () => {
    const core = new Core();
    let isBroken = true;
    const list = new MarketList((args) =>
      isBroken ? Promise.resolve(fail('closed', 'The bridge is gone.')) : core.browse(args),
    );
    list.ask({});
    await settled();
    expect(list.problem).toMatchObject({ kind: 'closed' });
    isBroken = false;
    list.ask({});
    await core.answerAll();
    expect([list.problem, list.total]).toEqual([null, 1_000]);
  });

  it('forgets another source’s markets, also those that are on their way', async () => {
    const { core, list } = await listed();
    list.show(100, 120);
    list.reset();
    await core.answerAll();
    expect([list.found, list.row(0), list.row(100)]).toEqual([null, null, null]);
  });
});
