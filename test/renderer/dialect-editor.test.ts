import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CommandName, DialectDocuments, DialectPreview, RawFrame } from '../../main/core/contract.ts';
import { fail, ok, type Result } from '../../main/core/result.ts';
import { type Ask, DialectEditor, NEW_DIALECT } from '../../renderer/state/dialect-editor.svelte.ts';

const GOOD: DialectPreview = {
  problems: [],
  name: 'n',
  addresses: [],
  header: '',
  requests: [],
  items: [],
  total: 0,
};
const PROBLEM = { path: 'x', message: 'is wrong.', from: 0, to: 1, line: 1, column: 1 };

let kept: Map<string, string>;
let documents: DialectDocuments;
let asked: [name: CommandName, args: unknown][];
/** Of the next previews. */
let previews: ((document: string) => DialectPreview)[];
let answers: Partial<Record<CommandName, Result<unknown>>>;
let editor: DialectEditor;

const ask: Ask = async (name, args) => {
  asked.push([name, args]);
  const { document } = args as { document?: string | null };
  const made = (): Result<unknown> => {
    if (name === 'dialect.get') return ok(documents);
    if (name === 'dialect.set') documents = { ...documents, document: document ?? null };
    if (name === 'dialect.preview') return ok(previews[0]?.(document ?? '') ?? GOOD);
    return ok(null);
  };
  return (answers[name] ?? made()) as never;
};

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(1_000).then(() => undefined);
const file = (text: string | Uint8Array<ArrayBuffer>): File => new File([text], 'f.json');

beforeEach(() => {
  vi.useFakeTimers();
  kept = new Map();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  });
  documents = { document: null, defaults: '{}', environment: {} };
  asked = [];
  previews = [];
  answers = {};
  editor = new DialectEditor(ask);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('DialectEditor', () => {
  it('begins with a document that says nothing, or with the one in use', async () => {
    await editor.load();
    expect([editor.text, editor.isEdited]).toEqual([NEW_DIALECT, false]);
    documents = { ...documents, document: 'own' };
    await editor.load();
    expect([editor.text, editor.isEdited]).toEqual(['own', false]);
  });

  it('asks for a preview once, after the last of several changes', async () => {
    await editor.load();
    await settle();
    asked = [];
    for (const text of ['a', 'ab', 'abc']) {
      editor.text = text;
      editor.edited();
    }
    await settle();
    expect(asked).toEqual([['dialect.preview', { document: 'abc', endpoint: 'trades', frame: '' }]]);
    expect(editor.preview).toEqual(GOOD);
  });

  it('keeps what is being written: in use is another, a window opens again', async () => {
    await editor.load();
    editor.text = 'draft';
    editor.edited();
    await settle();
    documents = { ...documents, document: 'of another window' };
    editor.changed();
    await settle();
    expect([editor.text, editor.isEdited]).toEqual(['draft', true]);

    const again = new DialectEditor(ask);
    await again.load();
    expect([again.text, again.isEdited]).toEqual(['draft', true]);
    again.revert();
    await settle();
    expect(again.text).toBe('of another window');
    expect(kept.size).toBe(0);
  });

  it('applies, and says what could not be done until the next change', async () => {
    await editor.load();
    editor.text = 'mine';
    await editor.apply();
    expect([editor.isEdited, editor.problem]).toEqual([false, null]);
    expect(asked).toContainEqual(['dialect.set', { document: 'mine' }]);

    answers['dialect.set'] = fail('busy', 'A file goes before.');
    editor.text = 'other';
    await editor.apply();
    await settle();
    expect(editor.problem).toMatchObject({ kind: 'busy' });
    expect([editor.text, editor.isEdited]).toEqual(['other', true]);
    editor.edited();
    expect(editor.problem).toBeNull();

    delete answers['dialect.set'];
    await editor.useDefault();
    expect([editor.text, editor.isEdited]).toEqual([NEW_DIALECT, false]);
  });

  it('takes a good file alone', async () => {
    await editor.load();
    previews = [(document) => (document === 'good' ? GOOD : { ...GOOD, problems: [PROBLEM] })];
    await editor.take(file('bad'));
    expect(editor.badImport).toEqual({ file: 'f.json', why: '', problems: [PROBLEM] });
    await editor.take(file('x'.repeat(65_537)));
    expect(editor.badImport?.why).toMatch(/larger than 64 KB/);
    await editor.take(file(new Uint8Array([0xff, 0xfe])));
    expect(editor.badImport?.why).toMatch(/UTF-8/);
    expect(editor.isEdited).toBe(false);
    await editor.take(file('good'));
    expect([editor.text, editor.badImport]).toEqual(['good', null]);
  });

  it('takes the last frame, and says when there is none or only its beginning', async () => {
    await editor.load();
    const frames = (...list: Partial<RawFrame>[]): Result<unknown> => ok({ frames: list });
    answers['frames.list'] = frames();
    await editor.takeLastFrame();
    expect(editor.problem?.message).toMatch(/Nothing came from the trades/);
    answers['frames.list'] = frames({ text: 'old' }, { text: 'new', truncated: false });
    await editor.takeLastFrame();
    expect([editor.frame, editor.problem]).toEqual(['new', null]);
    answers['frames.list'] = frames({ text: 'half', truncated: true });
    await editor.takeLastFrame();
    expect(editor.frame).toBe('half');
    expect(editor.problem?.message).toMatch(/Only the beginning/);
  });
});
