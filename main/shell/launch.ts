/** What the app is started with, read before anything is opened. */
import { MAIN, marketPlace, type Place, sessionPlace } from '../core/desk.ts';

/** Addresses of windows for other programs: `quipu://market/<id>` and `quipu://session/<n>`. */
export const LINK_SCHEME = 'quipu';

/**
 * Windows knows the app by these: the installer gives the first to its shortcuts (electron-builder.yml), and shows
 * notifications only of an app that has the same.
 */
export const APP_ID = 'com.quipu.desktop';
export const TOAST_CLSID = '{34763F3C-87E8-4B38-9619-664115C48ACC}';

export interface Launch {
  readonly place: Place;
  /** Nothing but the tray: a start at login. */
  readonly isHidden: boolean;
  readonly isDemo: boolean;
}

/** An argument that says what cannot be opened; `message` is for the user. */
export class LaunchError extends Error {}

/**
 * Arguments without the program's own name. What is not of ours is Chromium's and left to it.
 *
 * @throws {LaunchError}
 */
export function parseLaunch(args: readonly string[]): Launch {
  let place: Place | null = null;
  const take = (found: Place): void => {
    if (place !== null) throw new LaunchError('One market or one session can be opened at a time.');
    place = found;
  };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    const [flag = '', ...rest] = arg.split('=');
    if (flag === '--market' || flag === '--session') {
      const value = rest.length > 0 ? rest.join('=') : args[++at];
      take(flag === '--market' ? market(value) : session(value));
    } else if (arg.toLowerCase().startsWith(`${LINK_SCHEME}:`)) take(parseLink(arg));
  }
  return { place: place ?? MAIN, isHidden: args.includes('--hidden'), isDemo: args.includes('--demo') };
}

/** @throws {LaunchError} */
export function parseLink(link: string): Place {
  const [, kind = '', text = ''] = /^quipu:\/\/([a-z]+)\/([^/?#]+)\/?$/i.exec(link) ?? [];
  let value: string;
  try {
    value = decodeURIComponent(text);
  } catch {
    value = '';
  }
  if (kind.toLowerCase() === 'market' && value !== '') return market(value);
  if (kind.toLowerCase() === 'session' && value !== '') return session(value);
  throw new LaunchError(
    `“${shown(link)}” is no address of Quipu. One is quipu://market/ and the market’s id, or quipu://session/ and the session’s number.`,
  );
}

/** Of what another instance sent, which is not to be trusted: its arguments, or null. */
export function argumentsOf(data: unknown): readonly string[] | null {
  if (typeof data !== 'object' || data === null || !('args' in data)) return null;
  const { args } = data;
  if (!Array.isArray(args) || args.length > 200) return null;
  return args.every((arg): arg is string => typeof arg === 'string' && arg.length <= 4_096) ? args : null;
}

function market(value: string | undefined): Place {
  const place = value === undefined || value.startsWith('--') ? null : marketPlace(value);
  if (place === null)
    throw new LaunchError('--market needs a market’s id as the app shows it: text of 1 to 200 characters.');
  return place;
}

function session(value: string | undefined): Place {
  const place = value === undefined ? null : sessionPlace(value);
  if (place === null)
    throw new LaunchError('--session needs a session’s number as the app shows it: 1 or more.');
  return place;
}

function shown(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 100);
}
