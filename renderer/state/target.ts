/** Where the desktop tells a page to go. */
import type { AnnouncementTarget } from '../../main/core/contract.ts';

const VIEWS: readonly AnnouncementTarget['view'][] = [
  'live',
  'sessions',
  'feed',
  'settings',
  'announcements',
];

/** null when it is none: what comes from outside of the page is looked at before it is followed. */
export function targetOf(value: unknown): AnnouncementTarget | null {
  if (typeof value !== 'object' || value === null) return null;
  const { view: given, market, at } = value as Readonly<Record<string, unknown>>;
  const view = VIEWS.find((each) => each === given);
  if (view === undefined) return null;
  if (market !== null && typeof market !== 'string') return null;
  if (at !== null && !(typeof at === 'number' && Number.isFinite(at))) return null;
  return { view, market, at };
}
