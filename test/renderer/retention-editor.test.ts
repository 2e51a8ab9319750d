import { beforeEach, describe, expect, it } from 'vitest';
import { KEEP_ALL, type CommandName, type RetentionPolicy } from '../../main/core/contract.ts';
import { fail, ok, type Result } from '../../main/core/result.ts';
import type { Ask } from '../../renderer/state/dialect-editor.svelte.ts';
import { RetentionEditor, type RetentionField } from '../../renderer/state/retention-editor.svelte.ts';

let kept: RetentionPolicy;
let asked: [name: CommandName, args: unknown][];
let refusal: Result<never> | null;
/** Waits before an answer to a preview; released in any order. */
let held: (() => void)[] | null;
let editor: RetentionEditor;

const ask: Ask = async (name, args) => {
  asked.push([name, args]);
  const { policy = KEEP_ALL } = args as { policy?: RetentionPolicy };
  if (name === 'retention.preview' && held !== null) await new Promise<void>((done) => held?.push(done));
  if (refusal !== null) return refusal;
  if (name === 'retention.get') return ok({ policy: kept, kinds: [] });
  if (name === 'retention.set') kept = policy;
  return ok(name === 'retention.preview' ? { policy, kinds: [], bytes: 1, beyond: 0 } : null);
};

beforeEach(() => {
  kept = KEEP_ALL;
  asked = [];
  refusal = null;
  held = null;
  editor = new RetentionEditor(ask);
});

describe('fields', () => {
  const cases: readonly [field: RetentionField, text: string, value: number | null | undefined][] = [
    ['tradesDays', '', null],
    ['tradesDays', ' 30 ', 30],
    ['candlesDays', '36500', 36_500],
    ['candlesDays', '36501', undefined],
    ['historyDays', '0', undefined],
    ['historyDays', '1.5', undefined],
    ['historyDays', '-3', undefined],
    ['tradesDays', '1e3', undefined],
    ['maxBytes', '', null],
    ['maxBytes', '20', 20_000_000_000],
    ['maxBytes', '0.01', 10_000_000],
    ['maxBytes', '0.009', undefined],
    ['maxBytes', '20 GB', undefined],
    ['maxBytes', '1.2345', undefined],
  ];
  it.each(cases)('%s %j', async (field, text, value) => {
    await editor.load();
    editor.edit(field, text);
    if (value === undefined) {
      expect(editor.wanted).toBeNull();
      expect(Object.keys(editor.problems)).toEqual([field]);
    } else {
      expect(editor.wanted).toEqual({ ...KEEP_ALL, [field]: value });
      expect(editor.problems).toEqual({});
    }
  });
});

describe('a policy', () => {
  it('is applied only as it was shown', async () => {
    await editor.load();
    editor.edit('tradesDays', '30');
    expect(editor.isShown).toBe(false);
    await editor.apply();
    await editor.look();
    expect(editor.isShown).toBe(true);
    editor.edit('tradesDays', '3');
    expect(editor.isShown).toBe(false);
    await editor.apply();
    expect(asked.map(([name]) => name)).not.toContain('retention.set');
    editor.edit('tradesDays', '30');
    await editor.apply();
    expect(kept).toEqual({ ...KEEP_ALL, tradesDays: 30 });
    expect(editor).toMatchObject({ isEdited: false, isShown: false, isApplied: true });
  });

  it('a preview that comes late does not take the place of a later one', async () => {
    await editor.load();
    held = [];
    editor.edit('tradesDays', '1');
    const first = editor.look();
    editor.edit('tradesDays', '2');
    const second = editor.look();
    const [one, two] = held;
    two?.();
    await second;
    one?.();
    await first;
    expect(editor.preview?.policy.tradesDays).toBe(2);
    expect(editor.isShown).toBe(true);
  });

  it('what is being written stays when it is read anew, and goes with another store', async () => {
    editor.edit('tradesDays', '9');
    await editor.load();
    expect(editor.texts.tradesDays).toBe('9');
    kept = { ...KEEP_ALL, candlesDays: 4, maxBytes: 12_345_678_901 };
    await editor.load();
    expect(editor.texts).toMatchObject({ tradesDays: '9', candlesDays: '' });
    editor.revert();
    expect(editor.texts).toMatchObject({ tradesDays: '', candlesDays: '4', maxBytes: '12.346' });
    expect(editor).toMatchObject({ isEdited: false, wanted: kept });
    editor.edit('tradesDays', '9');
    editor.reset();
    await expect.poll(() => editor.texts.candlesDays).toBe('4');
    expect(editor.texts.tradesDays).toBe('');
  });

  it('what cannot be done is told', async () => {
    await editor.load();
    editor.edit('tradesDays', '9');
    refusal = fail('storage', 'The disk is full.');
    await editor.look();
    expect(editor).toMatchObject({ problem: { message: 'The disk is full.' }, preview: null });
    refusal = null;
    await editor.look();
    refusal = fail('storage', 'It is locked.');
    await editor.apply();
    expect(editor).toMatchObject({ problem: { message: 'It is locked.' }, isApplied: false, isBusy: false });
  });
});
