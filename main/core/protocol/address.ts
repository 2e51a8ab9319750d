/** Which addresses a feed may have: encrypted, but for a server on this computer. */

export type AddressUse = 'socket' | 'web';

const SCHEMES: Readonly<Record<AddressUse, { readonly safe: string; readonly open: string }>> = {
  socket: { safe: 'wss:', open: 'ws:' },
  web: { safe: 'https:', open: 'http:' },
};
const MAX_ADDRESS = 2_000;

/** Why the text can be no address of the feed, as the rest of a sentence that its name begins; or null. */
export function addressFault(text: string, use: AddressUse): string | null {
  const { safe, open } = SCHEMES[use];
  const url = text.length <= MAX_ADDRESS && !/\s/.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== safe && url.protocol !== open)) {
    return `must be an address that begins with ${safe}//.`;
  }
  // They would be shown, and sent to whoever answers there.
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    return 'must have no user, password or fragment.';
  }
  // The dictionary's pages are asked for by a path and a query behind it.
  if (use === 'web' && url.search !== '') return 'must have no query.';
  if (url.protocol === open && !isThisComputer(url.hostname)) {
    return `must begin with ${safe}//: ${open}// is for a server on this computer alone.`;
  }
  return null;
}

/** Paths are put behind an address, so it must not end with a slash. */
export function plainAddress(text: string): string {
  return text.replace(/\/+$/, '');
}

function isThisComputer(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
