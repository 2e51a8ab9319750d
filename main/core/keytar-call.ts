/**
 * keytar in a process of its own, one for each call. A locked keyring waits for the user without end in
 * native code, and some of its faults end the process: neither may happen where the feed is recorded.
 */
import { type Keytar, KeychainError, loadKeytar } from './keychain.ts';
import type { KeychainTrouble } from './contract.ts';

/** Sent to the process by its channel, since others could read its arguments and environment. */
export interface KeytarCall {
  readonly method: keyof Keytar;
  readonly args: readonly string[];
}

/** What the process answers. */
export type KeytarAnswer =
  | { readonly value: string | boolean | null }
  | { readonly words: string; readonly trouble?: KeychainTrouble; readonly action?: string };

/** keytar by way of `ask`, which starts a process for each call and rejects when that ends without an answer. */
export function keytarBy(ask: (call: KeytarCall) => Promise<KeytarAnswer>): Keytar {
  const call = async (method: keyof Keytar, args: readonly string[]): Promise<unknown> => {
    const answer = await ask({ method, args });
    if ('value' in answer) return answer.value;
    const { action, trouble, words } = answer;
    throw trouble === undefined ? new Error(words) : new KeychainError(trouble, words, action ?? '');
  };
  return {
    getPassword: async (...args) => {
      const key = await call('getPassword', args);
      return typeof key === 'string' ? key : null;
    },
    setPassword: async (...args) => void (await call('setPassword', args)),
    deletePassword: async (...args) => (await call('deletePassword', args)) === true,
  };
}

/** In that process. Never rejects. */
export async function answerKeytar({ method, args }: KeytarCall): Promise<KeytarAnswer> {
  try {
    const keytar = await loadKeytar();
    const [service = '', account = '', password = ''] = args;
    switch (method) {
      case 'getPassword':
        return { value: await keytar.getPassword(service, account) };
      case 'setPassword':
        await keytar.setPassword(service, account, password);
        return { value: null };
      case 'deletePassword':
        return { value: await keytar.deletePassword(service, account) };
    }
  } catch (error) {
    if (error instanceof KeychainError)
      return { words: error.message, trouble: error.trouble, action: error.action ?? '' };
    return { words: error instanceof Error ? error.message : String(error) };
  }
}

/** Told when the process ends without an answer: keytar took it along. */
export function endedEarly(how: string): Error {
  return new Error(`its process ended (${how})`);
}
