/** The tray's menu as data: its lines, and what each does. */
import type { AnnouncementTarget, CommandArgs } from '../core/contract.ts';
import { cleanWords } from '../core/protocol/words.ts';
import { clockWords } from './clock-words.ts';
import { type Status, trayWords } from './status.ts';

/** What a line does when it is chosen. */
export type TrayDeed =
  | { readonly do: 'open' }
  | { readonly do: 'quit' }
  | { readonly do: 'record'; readonly args: CommandArgs<'recording.set'> }
  | { readonly do: 'mute'; readonly args: CommandArgs<'announcements.mute'> }
  | { readonly do: 'go'; readonly id: number; readonly target: AnnouncementTarget };

export type TrayItem = 'separator' | { readonly label: string; readonly deed: TrayDeed | null };

/** The last so many announcements are in the menu; all of them are in the window. */
const LISTED = 5;
const MAX_LABEL = 90;

/** null: the core is not there yet. */
export function trayMenu(status: Status | null): readonly TrayItem[] {
  const { lines } = trayWords(status);
  return [
    ...lines.map((line) => item(line)),
    ...(status === null ? [] : liveItems(status)),
    'separator',
    item('Open Quipu', { do: 'open' }),
    item('Quit Quipu', { do: 'quit' }),
  ];
}

function liveItems({ source, recording, announcements }: Status): readonly TrayItem[] {
  const { items, mutedUntil } = announcements;
  const isPaused = recording.state === 'stopped';
  return [
    'separator',
    ...(items.length === 0 ? [item('No alerts or troubles yet')] : []),
    ...items.slice(0, LISTED).map(({ id, at, title, target, state, seen }) => {
      // By sign and not by colour: new, over, seen.
      const sign = state === 'resolved' ? '✓' : seen ? '·' : '●';
      return item(`${sign} ${clockWords(at)} ${title}`, { do: 'go', id, target });
    }),
    'separator',
    ...(source === 'none'
      ? []
      : [
          isPaused
            ? item('Resume recording', { do: 'record', args: { on: true } })
            : item('Pause recording (until Quipu restarts)', { do: 'record', args: { on: false } }),
        ]),
    ...(mutedUntil === null
      ? [
          item('Mute notifications for 1 hour', { do: 'mute', args: { for: 'hour' } }),
          item('Mute notifications until tomorrow', { do: 'mute', args: { for: 'tomorrow' } }),
        ]
      : [
          item(`Notifications are muted until ${clockWords(mutedUntil)}`),
          item('Unmute notifications', { do: 'mute', args: { for: 'off' } }),
        ]),
  ];
}

/** Words of others are in it: Electron takes a single & for the mark of an access key. */
function item(label: string, deed: TrayDeed | null = null): TrayItem {
  return { label: cleanWords(label, MAX_LABEL).replaceAll('&', '&&'), deed };
}
