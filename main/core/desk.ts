/**
 * What the hosts' windows and their pages agree on besides the contract: what a window shows and how an
 * address says so, and the commands of the app with their words and keys, once for menus and pages.
 */

/** What a window shows: the whole app, or one market or one session by itself. */
export type Place =
  | { readonly kind: 'main' }
  | { readonly kind: 'market'; readonly market: string }
  | { readonly kind: 'session'; readonly session: number };
export type PlaceKind = Place['kind'];
export const PLACE_KINDS: readonly PlaceKind[] = ['main', 'market', 'session'];
export const MAIN: Place = { kind: 'main' };

/** As long as the core takes. */
const MAX_MARKET = 200;
const CONTROL = /\p{Cc}/u;

/** A market's window; null when the text cannot be a market's id. */
export function marketPlace(text: string): Place | null {
  if (text === '' || text.length > MAX_MARKET || CONTROL.test(text)) return null;
  return { kind: 'market', market: text };
}

/** A session's window; null when the text is no session's number. */
export function sessionPlace(text: string): Place | null {
  const session = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(session) ? { kind: 'session', session } : null;
}

/** The part of an address, with its `#`, that says what a window shows; empty for the whole app. */
export function placeHash(place: Place): string {
  if (place.kind === 'main') return '';
  const value = place.kind === 'market' ? place.market : String(place.session);
  return `#${new URLSearchParams({ [place.kind]: value }).toString()}`;
}

/** What the address says that is shown; the whole app when it says nothing; null when it cannot be read. */
export function placeOfHash(hash: string): Place | null {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const market = given.get('market');
  const session = given.get('session');
  if (market !== null) return session === null ? marketPlace(market) : null;
  return session === null ? MAIN : sessionPlace(session);
}

/** Whether a window of `a` is one of `b`. Windows of the whole app may be several. */
export function isSamePlace(a: Place, b: Place): boolean {
  return a.kind !== 'main' && placeHash(a) === placeHash(b);
}

/** What a page does itself when it is told to. */
export type PageCommand =
  | 'tab.live'
  | 'tab.markets'
  | 'tab.sessions'
  | 'tab.feed'
  | 'tab.settings'
  | 'search'
  | 'connection'
  | 'window.own';

/** What the desktop's main process does. */
export type HostCommand =
  | 'window.new'
  | 'window.main'
  | 'recording.toggle'
  | 'links.retry'
  | 'markets.reload'
  | 'theme.system'
  | 'theme.dark'
  | 'theme.light'
  | 'zoom.in'
  | 'zoom.out'
  | 'zoom.reset'
  | 'folder.open'
  | 'updates.check'
  | 'updates.news'
  | 'licences'
  | 'about';

export interface CommandWords {
  readonly label: string;
  /** In the desktop, as Electron writes accelerators. */
  readonly keys?: string;
  /** In the browser host, where the desktop's keys belong to the browser: a key without Ctrl, Alt or Meta. */
  readonly plainKey?: string;
}

export const PAGE_COMMANDS: Readonly<Record<PageCommand, CommandWords>> = {
  'tab.live': { label: 'Live', keys: 'CmdOrCtrl+1', plainKey: '1' },
  'tab.markets': { label: 'Markets', keys: 'CmdOrCtrl+2', plainKey: '2' },
  'tab.sessions': { label: 'Sessions', keys: 'CmdOrCtrl+3', plainKey: '3' },
  'tab.feed': { label: 'Feed', keys: 'CmdOrCtrl+4', plainKey: '4' },
  'tab.settings': { label: 'Settings', keys: 'CmdOrCtrl+,', plainKey: '5' },
  // The page takes these keys itself, in both hosts.
  search: { label: 'Find a market', keys: 'CmdOrCtrl+K' },
  connection: { label: 'Connection', keys: 'CmdOrCtrl+I', plainKey: 'i' },
  'window.own': { label: 'Open in new window', keys: 'CmdOrCtrl+Shift+N', plainKey: 'o' },
};

export const HOST_COMMANDS: Readonly<Record<HostCommand, CommandWords>> = {
  'window.new': { label: 'New window', keys: 'CmdOrCtrl+N' },
  'window.main': { label: 'Open Quipu' },
  'recording.toggle': { label: 'Pause recording', keys: 'CmdOrCtrl+Shift+P' },
  'links.retry': { label: 'Connect again now', keys: 'CmdOrCtrl+Shift+C' },
  'markets.reload': { label: 'Reload the list of markets' },
  'theme.system': { label: 'As the system' },
  'theme.dark': { label: 'Dark' },
  'theme.light': { label: 'Light' },
  'zoom.in': { label: 'Larger', keys: 'CmdOrCtrl+Plus' },
  'zoom.out': { label: 'Smaller', keys: 'CmdOrCtrl+-' },
  'zoom.reset': { label: 'Actual size', keys: 'CmdOrCtrl+0' },
  'folder.open': { label: 'Open data folder' },
  'updates.check': { label: 'Check for updates…' },
  'updates.news': { label: 'What’s new' },
  licences: { label: 'Third-party licences' },
  about: { label: 'About Quipu' },
};

const PAGE_COMMAND_NAMES = Object.keys(PAGE_COMMANDS) as readonly PageCommand[];

export function isPageCommand(value: unknown): value is PageCommand {
  return PAGE_COMMAND_NAMES.some((name) => name === value);
}

/** The command of a key that was pressed without others, or null. */
export function commandOfKey(key: string): PageCommand | null {
  return PAGE_COMMAND_NAMES.find((name) => PAGE_COMMANDS[name].plainKey === key) ?? null;
}
