/**
 * What crosses a process or a socket instead of an exception.
 *
 * An error has a stable `kind` (for code), a `message` (what happened, for the screen) and, where
 * the user can do something, an `action` (the one thing to do).
 */

/** Stable names of errors. Code may branch on them; they are never shown. */
export type ErrorKind =
  | 'bad-argument'
  | 'unknown-command'
  | 'not-found'
  | 'no-key'
  | 'keychain'
  | 'storage'
  | 'in-use'
  | 'unreachable'
  | 'refused'
  | 'busy'
  | 'closed'
  | 'internal';

export interface AppError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly action?: string;
}

export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AppError };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail<T = never>(kind: ErrorKind, message: string, action?: string): Result<T> {
  return { ok: false, error: action === undefined ? { kind, message } : { kind, message, action } };
}

/** An AppError as an exception, for use inside one process; `toResult` turns it back. */
export class QuipuError extends Error {
  override readonly name = 'QuipuError';
  readonly kind: ErrorKind;
  readonly action: string | undefined;

  constructor(kind: ErrorKind, message: string, action?: string) {
    super(message);
    this.kind = kind;
    this.action = action;
  }
}

/** Any thrown value as an AppError. What is not a QuipuError is `internal`. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof QuipuError) {
    return thrown.action === undefined
      ? { kind: thrown.kind, message: thrown.message }
      : { kind: thrown.kind, message: thrown.message, action: thrown.action };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { kind: 'internal', message };
}
