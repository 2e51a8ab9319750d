/** Settings by environment variables. The key comes from here or the keychain, never from argv. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { guards } from './guards.ts';
import { type GivenDialect, unusable } from './own-dialect.ts';
import type { FeedAddresses } from './ports.ts';
import { addressFault, type AddressUse, plainAddress } from './protocol/address.ts';
import { MAX_DOCUMENT, parseDialect } from './protocol/dialect-document.ts';
import { QuipuError, toAppError } from './result.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Takes QUIPU_API_KEY out of the environment, of which every program that is started gets a copy, and the process of
 * every page (`process.env` of its preload).
 *
 * @returns what `environmentKey` reads
 */
export function takeKey(env: Record<string, string | undefined>): Environment {
  const { QUIPU_API_KEY } = env;
  delete env['QUIPU_API_KEY'];
  return { QUIPU_API_KEY };
}

/** The environment for a program that is started, without the key that a user may have set there. */
export function withoutKey(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[0] !== 'QUIPU_API_KEY' && entry[1] !== undefined,
    ),
  );
}

/** QUIPU_API_KEY, or null. @throws {QuipuError} `bad-argument` when it can be no key; the message does not have it */
export function environmentKey(env: Environment = process.env): string | null {
  const given = env['QUIPU_API_KEY'];
  if (given === undefined || given.trim() === '') return null;
  try {
    return guards['key.set']({ key: given }).key;
  } catch (error) {
    throw new QuipuError('bad-argument', `QUIPU_API_KEY: ${toAppError(error).message}`);
  }
}

/**
 * The feed dialect of QUIPU_DIALECT, or null. It goes before the one that is kept, for this run alone.
 *
 * @throws {QuipuError} `bad-argument` when the file cannot be read or is no dialect document
 */
export function environmentDialect(env: Environment = process.env): GivenDialect | null {
  const file = env['QUIPU_DIALECT'];
  if (file === undefined || file === '') return null;
  const given = readDialectFile(file);
  const parsed = parseDialect(given.text);
  if (!parsed.ok) throw unusable(`QUIPU_DIALECT: ${given.file}`, parsed.problems);
  return given;
}

/** A file that should be a dialect document, unchecked. @throws {QuipuError} `bad-argument` when it cannot be read */
export function readDialectFile(name: string): GivenDialect {
  const file = resolve(name);
  let text: string;
  try {
    if (statSync(file).size > MAX_DOCUMENT) {
      throw new Error(`it is larger than ${MAX_DOCUMENT / 1024} KB`);
    }
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new QuipuError(
      'bad-argument',
      `The feed dialect ${file} cannot be read: ${why}.`,
      'Name a file that holds a dialect document.',
    );
  }
  return { file, text };
}

/**
 * The feed's addresses that the environment sets. They win over those of the user's own dialect, which win
 * over the default's: whoever starts a process decides last where its key goes.
 *
 * @throws {QuipuError} `bad-argument` for one that is no address, or that would show the key
 */
export function feedAddresses(env: Environment = process.env): Partial<FeedAddresses> {
  return {
    ...address(env, 'trades', 'QUIPU_TRADES_URL', 'socket'),
    ...address(env, 'candles', 'QUIPU_METRICS_URL', 'socket'),
    ...address(env, 'dictionary', 'QUIPU_DICTIONARY_URL', 'web'),
  };
}

function address(
  env: Environment,
  of: keyof FeedAddresses,
  name: string,
  use: AddressUse,
): Partial<FeedAddresses> {
  const given = env[name];
  if (given === undefined || given === '') return {};
  const fault = addressFault(given, use);
  if (fault !== null) throw new QuipuError('bad-argument', `${name} ${fault}`);
  return { [of]: plainAddress(given) };
}
