/** What a notification of the system says: another's words, as text alone. */
import type { Announcement } from '../core/contract.ts';
import { cleanWords } from '../core/protocol/words.ts';

const MAX_TITLE = 120;
const MAX_BODY = 400;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Linux's servers take the body for markup (org.freedesktop.Notifications, body-markup), never the title. */
export function notificationWords(
  { title, body }: Pick<Announcement, 'title' | 'body'>,
  platform: string,
): { readonly title: string; readonly body: string } {
  const text = cleanWords(body, MAX_BODY);
  return {
    title: cleanWords(title, MAX_TITLE),
    body: platform === 'linux' ? text.replace(/[&<>]/g, (sign) => ENTITIES[sign] ?? '') : text,
  };
}
