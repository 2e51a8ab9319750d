import { describe, expect, it } from 'vitest';
import type { Announcement, LinkState } from '../../main/core/contract.ts';
import type { Status } from '../../main/shell/status.ts';
import { trayMenu } from '../../main/shell/tray-menu.ts';
import { linkState } from '../helpers/states.ts';

const AT = Date.parse('2024-01-15T18:02:00Z');
const links: Readonly<Record<'trades' | 'candles', LinkState>> = {
  trades: linkState('trades'),
  candles: linkState('candles'),
};

function status(over: Partial<Status> = {}): Status {
  return {
    source: 'live',
    links,
    recording: { state: 'recording', session: null, problem: null },
    announcements: { items: [], mutedUntil: null },
    ...over,
  };
}

function announcement(id: number, over: Partial<Announcement> = {}): Announcement {
  return {
    id,
    kind: 'gap-lost',
    title: `title ${id}`,
    body: '',
    target: { view: 'live', market: 'm', at: AT - id },
    at: AT,
    count: 1,
    state: 'passed',
    seen: false,
    ...over,
  };
}

const labels = (of: Status | null): string[] =>
  trayMenu(of).map((item) => (item === 'separator' ? '-' : item.label));

describe('the tray’s menu', () => {
  it('has a line for each endpoint, and what there is to do', () => {
    expect(labels(status())).toEqual([
      ...['Recording', 'Trades live', 'Candles live', '-', 'No alerts or troubles yet', '-'],
      ...['Pause recording (until Quipu restarts)', 'Mute notifications for 1 hour'],
      ...['Mute notifications until tomorrow', '-', 'Open Quipu', 'Quit Quipu'],
    ]);
    expect(labels(null)).toEqual(['Opening the record', '-', 'Open Quipu', 'Quit Quipu']);
    expect(labels(status({ source: 'none' })).join()).not.toContain('Pause');
  });

  it('lists the last five, each with where it leads, and its state by a sign', () => {
    const items = [6, 5, 4, 3, 2, 1].map((id) => announcement(id));
    items[1] = announcement(5, { seen: true });
    items[2] = announcement(4, { seen: true, state: 'resolved' });
    const menu = trayMenu(status({ announcements: { items, mutedUntil: null } })).filter(
      (item) => item !== 'separator' && item.deed?.do === 'go',
    );
    expect(menu.map((item) => (item === 'separator' ? '' : item.label))).toEqual([
      '● 15 Jan 18:02 UTC title 6',
      '· 15 Jan 18:02 UTC title 5',
      '✓ 15 Jan 18:02 UTC title 4',
      '● 15 Jan 18:02 UTC title 3',
      '● 15 Jan 18:02 UTC title 2',
    ]);
    expect(menu[0]).toMatchObject({ deed: { id: 6, target: { market: 'm', at: AT - 6 } } });
  });

  it('says until when it is muted, and what was paused can be resumed', () => {
    const muted = labels(status({ announcements: { items: [], mutedUntil: AT } }));
    expect(muted).toContain('Notifications are muted until 15 Jan 18:02 UTC');
    expect(muted).toContain('Unmute notifications');
    const paused = labels(
      status({ recording: { state: 'stopped', session: null, problem: null, pausedSince: AT } }),
    );
    expect(paused[0]).toBe('Paused since 15 Jan 18:02 UTC: nothing is recorded');
    expect(paused).toContain('Resume recording');
  });

  it('shows another’s words as text: no access keys, no controls, bounded', () => {
    const title = `a & b\u202e\n${'c'.repeat(500)}`;
    const [label] = labels(
      status({ announcements: { items: [announcement(1, { title })], mutedUntil: null } }),
    ).filter((each) => each.startsWith('●'));
    expect(label).toMatch(/^● 15 Jan 18:02 UTC a && b c+$/);
    expect(label?.length).toBeLessThan(100);
  });
});
