/** Times in the tray's menu, in UTC as everywhere in the app. */
import type { Millis } from '../core/contract.ts';

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** `24 Nov 07:00 UTC`; the day too, since the menu may be looked at on another. */
export function clockWords(at: Millis): string {
  return `${DAY.format(at)} ${new Date(at).toISOString().slice(11, 16)} UTC`;
}
