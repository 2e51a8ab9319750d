/** Which address may be a feed of updates: what comes from there is run on this computer. */
import { addressFault } from './protocol/address.ts';

/**
 * Why the text can be no feed of updates, as the rest of a sentence that its name begins; or null. Unlike
 * the market feed's it must be encrypted even on this computer, where any user may answer.
 */
export function updateFeedFault(text: string): string | null {
  if (!/^https:/i.test(text)) return 'must be an address that begins with https://.';
  return addressFault(text, 'web');
}
