/** `quipu sessions name|note|pin|unpin|delete|restore`: what a user does to recordings. */
import type { SessionEdit } from '../../core/contract.ts';
import { guards } from '../../core/guards.ts';
import { QuipuError } from '../../core/result.ts';
import { unknownSession } from '../../core/store/errors.ts';
import { isHeld } from '../../core/store/lock.ts';
import { openStore } from '../../core/store/open.ts';
import type { Store } from '../../core/store/store.ts';
import { noPositionals } from '../command.ts';
import { UsageError } from '../exit.ts';
import { nodePorts } from '../ports.ts';
import { withRecordings } from '../recordings.ts';

/** @returns what was done, in a line; `now` in ms */
type Verb = (store: Store, session: number, now: number) => Promise<string>;

const VERBS = ['name', 'note', 'pin', 'unpin', 'delete', 'restore'];
const EDITS: Readonly<Record<string, (text: string) => SessionEdit>> = {
  name: (name) => ({ name }),
  note: (note) => ({ note }),
};

/**
 * Does what the words of the command line say.
 *
 * @param folder of the recordings; one without any is left as it is
 * @returns a line that says what was done
 * @throws {UsageError}
 * @throws {QuipuError} as the commands of the contract do, or kind `storage` while a Quipu holds the folder
 */
export async function editSessions(folder: string, words: readonly string[]): Promise<string> {
  const [verb = '', id, ...rest] = words;
  const run = verbOf(verb, rest);
  const session = sessionOf(verb, id);
  const now = Date.now();
  // Read first: to write, the folder would be made and an older record brought up to date.
  const isKnown = await withRecordings(folder, async (store) => {
    const all = [
      ...(await store.sessions()),
      ...(await store.removedSessions(now)).map((one) => one.session),
    ];
    return verb === 'restore' ? all.length > 0 : all.some((one) => one.id === session);
  });
  if (!isKnown) throw unknownSession(session);
  if (isHeld(folder)) {
    throw new QuipuError(
      'storage',
      `Quipu is running and holds the folder ${folder}.`,
      'Do it there, under Sessions, or quit that Quipu and try again.',
    );
  }
  const store = await openStore({ folder, workerScript: nodePorts().workerScript });
  try {
    return await run(store, session, now);
  } finally {
    await store.close();
  }
}

function verbOf(verb: string, rest: readonly string[]): Verb {
  if (!VERBS.includes(verb)) {
    const all = VERBS.join(', ');
    throw new UsageError(`There is no sessions ${verb.slice(0, 60)}. Use one of ${all}.`);
  }
  const edit = EDITS[verb];
  if (edit !== undefined) {
    const [text, ...more] = rest;
    if (text === undefined || more.length > 0) {
      throw new UsageError(`Put the ${verb} in quotes: quipu sessions ${verb} N "TEXT" ("" takes it away).`);
    }
    return (store, session) => change(store, session, edit(text));
  }
  noPositionals('sessions', rest);
  if (verb === 'pin' || verb === 'unpin') {
    return (store, session) => change(store, session, { pinned: verb === 'pin' });
  }
  if (verb === 'delete') {
    return async (store, session, now) => {
      const { undoUntil } = await store.removeSession(session, now);
      const until = new Date(undoUntil).toISOString();
      return `Deleted session ${session}. Until ${until}: quipu sessions restore ${session}`;
    };
  }
  return async (store, session, now) => {
    await store.restoreSession(session, now);
    return `Restored session ${session}.`;
  };
}

async function change(store: Store, session: number, edit: SessionEdit): Promise<string> {
  const { session: id, ...checked } = guards['sessions.edit']({ session, ...edit });
  const { name, note, pinned } = await store.editSession(id, checked);
  if ('pinned' in checked) return `Session ${id} is ${pinned ? 'pinned' : 'not pinned'}.`;
  if ('note' in checked) return `Session ${id} has ${note === null ? 'no note' : 'its note'}.`;
  return name === null ? `Session ${id} has no name.` : `Session ${id} is named “${name}”.`;
}

function sessionOf(verb: string, text: string | undefined): number {
  const id = /^\d{1,15}$/.test(text ?? '') ? Number(text) : 0;
  if (id > 0) return id;
  throw new UsageError(`Say which session: quipu sessions ${verb} N (\`quipu sessions\` lists them).`);
}
