/** Checks the words that a user gives a recording: they come back in lists, files and terminals. */
import { MAX_SESSION_NAME, MAX_SESSION_NOTE } from './contract.ts';
import { QuipuError } from './result.ts';

/** Controls, separators of lines, halves of surrogate pairs. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
const CONTROL_BUT_LINES = /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\p{Cs}]/u;
/** Marks that turn text around or are not seen; but those that join letters and emoji. */
const UNSEEN = /[^\P{Cf}\u200c\u200d]/u;

/** Without the space around it; null when nothing is left. @throws {QuipuError} kind `bad-argument` */
export function sessionName(value: unknown): string | null {
  if (value === null) return null;
  if (typeof value !== 'string') throw bad('The name must be text.');
  const name = value.trim();
  if (name.length > MAX_SESSION_NAME) {
    throw bad(
      `The name has more than ${MAX_SESSION_NAME} characters.`,
      'Make it shorter; a note has more room.',
    );
  }
  if (CONTROL.test(name)) {
    throw bad('The name has line breaks or other control characters.', 'Write it in one line.');
  }
  return seen('name', name);
}

/** The same of a note, which may have lines. @throws {QuipuError} kind `bad-argument` */
export function sessionNote(value: unknown): string | null {
  if (value === null) return null;
  if (typeof value !== 'string') throw bad('The note must be text.');
  if (value.length > MAX_SESSION_NOTE * 2) throw tooLong();
  const note = value.replace(/\r\n?/g, '\n').trim();
  if (note.length > MAX_SESSION_NOTE) throw tooLong();
  if (CONTROL_BUT_LINES.test(note)) {
    throw bad('The note has control characters.', 'Copy it again as plain text.');
  }
  return seen('note', note);
}

function seen(what: 'name' | 'note', text: string): string | null {
  if (UNSEEN.test(text)) {
    throw bad(
      `The ${what} has characters that are not seen or that turn text around.`,
      'Type it anew, or copy it as plain text.',
    );
  }
  return text === '' ? null : text;
}

function tooLong(): QuipuError {
  return bad(`The note has more than ${MAX_SESSION_NOTE} characters.`, 'Make it shorter.');
}

function bad(message: string, action?: string): QuipuError {
  return new QuipuError('bad-argument', message, action);
}
