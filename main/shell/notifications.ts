/** Announcements as notifications of the system. */
import { Notification } from 'electron';
import type { Announcement, AnnouncementKind } from '../core/contract.ts';
import type { Logger, Notifier } from '../core/ports.ts';
import { notificationWords } from './notification-words.ts';

/** They are held so that a click is heard. Of more than these the oldest is only heard in the list. */
const MAX_HELD = 30;
/** These stay until they are seen: meanwhile nothing is recorded. */
const LASTING: readonly AnnouncementKind[] = ['key-refused', 'not-recording', 'feed-refused'];

export interface Notifications extends Notifier {
  /** Nobody could hear a click on them any more. */
  closeAll(): void;
}

export function createNotifications(
  logger: Logger,
  clicked: (announcement: Announcement) => void,
): Notifications {
  const held = new Map<number, Notification>();

  function close(id: number): void {
    held.get(id)?.close();
    held.delete(id);
  }

  return {
    show(announcement) {
      if (!Notification.isSupported()) return;
      const { id, kind } = announcement;
      const lasts = LASTING.includes(kind);
      const notification = new Notification({
        ...notificationWords(announcement, process.platform),
        urgency: lasts ? 'critical' : 'normal',
        timeoutType: lasts ? 'never' : 'default',
      });
      notification.on('click', () => {
        held.delete(id);
        clicked(announcement);
      });
      notification.on('close', ({ reason }) => {
        // Windows keeps it in its list, where it can still be clicked and is still to be taken back.
        if (reason !== 'timedOut') held.delete(id);
      });
      notification.on('failed', (_event, error) => {
        held.delete(id);
        logger.log('warn', 'a notification could not be shown', { error });
      });
      held.set(id, notification);
      const [oldest] = held.keys();
      if (held.size > MAX_HELD && oldest !== undefined) held.delete(oldest);
      notification.show();
    },
    close,
    closeAll: () => [...held.keys()].forEach(close),
  };
}
