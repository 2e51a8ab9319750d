/** What every verb of the command line is, and how its arguments are read. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type Granularity, GRANULARITIES } from '../core/contract.ts';
import { UsageError } from './exit.ts';

export interface Command {
  /** For `--help`, on stdout. */
  readonly help: string;
  /** @returns the exit code */
  run(args: readonly string[]): Promise<number>;
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

/** Arguments by `node:util` parseArgs. @throws {UsageError} for what is no option of the command */
export function readArgs<const O extends Options>(
  command: string,
  args: readonly string[],
  options: O,
): Parsed<O> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new UsageError(`${sentence.replace(/\.?$/, '.')} See: quipu ${command} --help`);
  }
}

/** Most commands have options alone. @throws {UsageError} */
export function noPositionals(command: string, positionals: readonly string[]): void {
  const [first] = positionals;
  if (first !== undefined) {
    throw new UsageError(`${first.slice(0, 60)} belongs to no option. See: quipu ${command} --help`);
  }
}

/** @throws {UsageError} unless it is a whole number within the bounds */
export function wholeOption(name: string, text: string, low: number, high: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new UsageError(`--${name} must be a whole number from ${low} to ${high}, not ${text.slice(0, 60)}.`);
}

/** @throws {UsageError} unless it is a number within the bounds */
export function numberOption(name: string, text: string, low: number, high: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new UsageError(`--${name} must be a number from ${low} to ${high}, not ${text.slice(0, 60)}.`);
}

export function portOption(text: string | undefined): number {
  return text === undefined ? 0 : wholeOption('port', text, 0, 65_535);
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Some timers take no more than 2^31 - 1 ms; a record beyond some days is ended by a signal anyway. */
const LONGEST_MS = 24 * 86_400_000;

/** `60s`, `5m`, `1h`, `2d`; in ms. @throws {UsageError} */
export function durationOption(name: string, text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])$/.exec(text);
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN);
  if (ms > 0 && ms <= LONGEST_MS) return Math.round(ms);
  throw new UsageError(
    `--${name} must be a time such as 60s, 5m or 1h, of at most 24d, not ${text.slice(0, 60)}.`,
  );
}

export function granularityOption(text: string): Granularity {
  const found = GRANULARITIES.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`--granularity must be ${GRANULARITIES.join(' or ')}, not ${text.slice(0, 60)}.`);
}
