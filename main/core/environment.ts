/** Settings by environment variables. The key comes from here or the keychain, never from argv. */
import { guards } from './guards.ts';
import type { FeedAddresses } from './ports.ts';
import { DEFAULT_DIALECT } from './protocol/dialect.ts';
import { QuipuError, toAppError } from './result.ts';

type Environment = Readonly<Record<string, string | undefined>>;

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

/** The feed's addresses. @throws {QuipuError} `bad-argument` for one that is no address, or that would show the key */
export function feedAddresses(env: Environment = process.env): FeedAddresses {
  const known = DEFAULT_DIALECT.addresses;
  return {
    trades: address(env, 'QUIPU_TRADES_URL', known.trades, 'wss:', 'ws:'),
    candles: address(env, 'QUIPU_METRICS_URL', known.candles, 'wss:', 'ws:'),
    dictionary: address(env, 'QUIPU_DICTIONARY_URL', known.dictionary, 'https:', 'http:'),
  };
}

function address(env: Environment, name: string, known: string, safe: string, open: string): string {
  const given = env[name];
  if (given === undefined || given === '') return known;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || (url.protocol !== safe && url.protocol !== open)) {
    throw new QuipuError('bad-argument', `${name} must be an address that begins with ${safe}//.`);
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new QuipuError('bad-argument', `${name} must have no user, password or fragment.`);
  }
  if (url.protocol === open && !isThisComputer(url.hostname)) {
    throw new QuipuError(
      'bad-argument',
      `${name} must begin with ${safe}//: ${open}// is for a server on this computer alone.`,
    );
  }
  return given.replace(/\/+$/, '');
}

function isThisComputer(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
