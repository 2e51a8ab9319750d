/** How a command ends. */
import { type ErrorKind, QuipuError } from '../core/result.ts';

export const EXIT_OK = 0;
/** A failure that none of the others names. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** The server refused the key: 401 or 403. */
export const EXIT_REFUSED = 3;
export const EXIT_UNREACHABLE = 4;
export const EXIT_STORAGE = 5;

/** What the user typed cannot be done; the message says what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const CODES: Partial<Record<ErrorKind, number>> = {
  'bad-argument': EXIT_USAGE,
  'no-key': EXIT_USAGE,
  'not-found': EXIT_USAGE,
  refused: EXIT_REFUSED,
  unreachable: EXIT_UNREACHABLE,
  storage: EXIT_STORAGE,
  'in-use': EXIT_STORAGE,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  return error instanceof QuipuError ? (CODES[error.kind] ?? EXIT_FAILED) : EXIT_FAILED;
}

/** One line for stderr: what happened, then the one thing to do. */
export function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const action = error instanceof QuipuError && error.action !== undefined ? ` ${error.action}` : '';
  return `quipu: ${message}${action}`.replace(/\s*\n\s*/g, ' ');
}
