/** What is new, as plain text: of a feed, which may say anything, and of our own CHANGELOG.md. */

/** As much as a dialog shows without leaving the screen. */
const MAX_LINES = 24;
const MAX_CHARACTERS = 1_800;
const MAX_LINE = 200;
/** Whatever is longer is no note to be read, and is not looked at to its end. */
const MAX_GIVEN = 100_000;

/**
 * Text that a dialog shows letter for letter: nothing of it is interpreted, so HTML is seen as it was written.
 * Control characters, and those that turn the direction of writing, are taken out.
 *
 * @param given a string, or one with its version for each release between
 */
export function plainNotes(given: unknown): string {
  const texts = Array.isArray(given) ? given.map(noteOf) : [noteOf(given)];
  const lines = texts
    .join('\n\n')
    .slice(0, MAX_GIVEN)
    .replace(/\r\n?/g, '\n')
    .replace(/[^\n\P{C}]/gu, '')
    .split('\n')
    .map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line.trimEnd()));
  const text = lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  const shown = text.split('\n').slice(0, MAX_LINES).join('\n').slice(0, MAX_CHARACTERS);
  return shown.length < text.length ? `${shown.trimEnd()}\n…` : shown;
}

function noteOf(given: unknown): string {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null) return '';
  const { version, note } = given as { readonly version?: unknown; readonly note?: unknown };
  if (typeof note !== 'string') return '';
  return typeof version === 'string' ? `${version}\n${note}` : note;
}

/** A part of a change log in Markdown: of the given version, without its heading; null: there is none. */
export function changesOf(changelog: string, version: string): string | null {
  const parts = changelog.replace(/\r\n?/g, '\n').split(/^## /m).slice(1);
  const part = parts.find((each) => each.split(/\s/, 1)[0] === version);
  return part === undefined ? null : plainNotes(part.slice(part.indexOf('\n')));
}
