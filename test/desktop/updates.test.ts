/** Updates without Electron: what is decided, and what the user is told and asked. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { QuipuError } from '../../main/core/result.ts';
import { updateFeedFault } from '../../main/core/update-feed.ts';
import {
  type Installation,
  installationOf,
  type Surroundings,
} from '../../main/shell/updates/installation.ts';
import { type Answer, type Offer, UpdateKeeper, updateWords } from '../../main/shell/updates/keeper.ts';
import {
  arrivalOf,
  isCheckDue,
  isWorthAsking,
  NO_UPDATE_MEMORY,
  parseUpdateMemory,
  type UpdateMemory,
} from '../../main/shell/updates/plan.ts';
import { listedFiles, listTrouble } from '../../main/shell/updates/listed.ts';
import { changesOf, plainNotes } from '../../main/shell/updates/release-notes.ts';
import { troubleOf } from '../../main/shell/updates/trouble.ts';
import { TestClock } from '../helpers/test-clock.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FEED = 'https://updates.example/quipu';

describe('a feed of updates', () => {
  it.each([
    [FEED, null],
    ['https://127.0.0.1:8443', null],
    ['http://updates.example', 'https://'],
    ['http://127.0.0.1', 'https://'],
    ['file:///tmp/feed', 'https://'],
    ['https://user:word@updates.example', 'no user'],
    ['https://updates.example/?a=b', 'no query'],
    ['https://', 'https://'],
    ['', 'https://'],
  ])('%s', (address, fault) => {
    if (fault === null) expect(updateFeedFault(address)).toBeNull();
    else expect(updateFeedFault(address)).toContain(fault);
  });
});

describe('the installation', () => {
  const LINUX: Surroundings = {
    platform: 'linux',
    isPackaged: true,
    program: '/opt/Quipu/quipu',
    appImage: undefined,
    packageType: null,
    hasUninstaller: false,
  };
  const CASES: readonly (readonly [string, Partial<Surroundings>, Installation['kind'], string | null])[] = [
    ['the source', { isPackaged: false, appImage: '/home/jo/Quipu.AppImage' }, 'source', null],
    ['an AppImage', { appImage: '/home/jo/Quipu.AppImage' }, 'installs', null],
    ['a deb', { packageType: 'deb\n' }, 'tells', 'deb'],
    ['an rpm', { packageType: 'rpm' }, 'tells', 'rpm'],
    [
      'a deb that an AppImage started',
      { packageType: 'deb', appImage: '/home/jo/Other.AppImage' },
      'tells',
      'deb',
    ],
    ['an unpacked folder', {}, 'tells', null],
    ['Windows, installed', { platform: 'win32', hasUninstaller: true }, 'installs', null],
    ['Windows, unpacked', { platform: 'win32' }, 'tells', 'exe'],
    [
      'macOS',
      { platform: 'darwin', program: '/Applications/Quipu.app/Contents/MacOS/Quipu' },
      'installs',
      null,
    ],
    [
      'macOS on its disk image',
      { platform: 'darwin', program: '/Volumes/Quipu/Quipu.app/x' },
      'tells',
      'dmg',
    ],
    [
      'macOS, translocated',
      { platform: 'darwin', program: '/private/var/AppTranslocation/x/d' },
      'tells',
      'dmg',
    ],
  ];

  it.each(CASES)('%s', (_what, change, kind, extension) => {
    const installation = installationOf({ ...LINUX, ...change });
    expect(installation.kind).toBe(kind);
    if (extension !== null) expect(installation).toMatchObject({ extension });
  });
});

describe('the plan', () => {
  it('looks at every start, and a day after the last answer', () => {
    const at = (checkedAt: number | null): UpdateMemory => ({ ...NO_UPDATE_MEMORY, checkedAt });
    expect(isCheckDue(at(5 * DAY), 5 * DAY + 1, true)).toBe(true);
    expect(isCheckDue(at(null), 5 * DAY, false)).toBe(true);
    expect(isCheckDue(at(5 * DAY), 6 * DAY - 1, false)).toBe(false);
    expect(isCheckDue(at(5 * DAY), 6 * DAY, false)).toBe(true);
    // The clock was set back.
    expect(isCheckDue(at(5 * DAY), DAY, false)).toBe(true);
  });

  it('asks once, again after three days, and never of what is skipped', () => {
    const asked = { ...NO_UPDATE_MEMORY, asked: { version: '2.0.0', at: 10 * DAY } };
    expect(isWorthAsking(NO_UPDATE_MEMORY, '2.0.0', 0)).toBe(true);
    expect(isWorthAsking(asked, '2.0.0', 12 * DAY)).toBe(false);
    expect(isWorthAsking(asked, '2.0.0', 13 * DAY)).toBe(true);
    expect(isWorthAsking(asked, '2.0.1', 10 * DAY)).toBe(true);
    expect(isWorthAsking({ ...NO_UPDATE_MEMORY, skipped: '2.0.0' }, '2.0.0', 99 * DAY)).toBe(false);
  });

  it.each([
    [{}, 'first'],
    [{ ran: '1.0.0' }, 'updated'],
    [{ ran: '2.0.0' }, 'same'],
    [{ ran: '1.0.0', expected: '2.0.0' }, 'updated'],
    [{ ran: '2.0.0', expected: '3.0.0' }, 'not-installed'],
  ] as const)('a start of 2.0.0 after %o is %s', (memory, arrival) => {
    expect(arrivalOf({ ...NO_UPDATE_MEMORY, ...memory }, '2.0.0')).toBe(arrival);
  });

  it('keeps what it remembers, and of anything else nothing', () => {
    const memory = {
      checkedAt: 5,
      skipped: '1.0.0',
      asked: { version: '2.0.0', at: 7 },
      expected: null,
      failure: 'The disk is too full.',
      ran: '0.1.0',
    };
    expect(parseUpdateMemory(JSON.stringify(memory))).toEqual(memory);
    expect(parseUpdateMemory('{"checkedAt":-1,"asked":{"version":3,"at":1},"ran":""}')).toEqual(
      NO_UPDATE_MEMORY,
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const parsed = parseUpdateMemory(text);
        expect(parseUpdateMemory(JSON.stringify(parsed))).toEqual(parsed);
      }),
    );
  });
});

describe('what is new', () => {
  it('is text: HTML stays to be seen, and what would turn or hide text goes', () => {
    expect(plainNotes('<b>bold</b><script>x()</script>')).toBe('<b>bold</b><script>x()</script>');
    expect(plainNotes('a\u202eb\u0007c\u200bd\r\ne')).toBe('abcd\ne');
    expect(plainNotes([{ version: '2.0.0', note: 'two' }, { version: '1.9.0', note: null }, 'x'])).toBe(
      '2.0.0\ntwo\n\nx',
    );
    for (const none of [undefined, null, 7, {}, []]) expect(plainNotes(none)).toBe('');
  });

  it('is as much as a dialog can show, whatever is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 5_000 }),
          fc.array(fc.string(), { maxLength: 60 }).map((all) => all.join('\n')),
        ),
        (given) => {
          const notes = plainNotes(given);
          expect(notes.length).toBeLessThanOrEqual(1_810);
          expect(notes.split('\n').length).toBeLessThanOrEqual(25);
          expect(notes).not.toMatch(/[^\n\P{C}]/u);
        },
      ),
    );
    expect(plainNotes('x\n'.repeat(40)).endsWith('\n…')).toBe(true);
  });

  it('is in CHANGELOG.md for the version of package.json', () => {
    const root = resolve(import.meta.dirname, '..', '..');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(changesOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)).toMatch(/\w/);
    const log = '# New\n\n## 0.2.0 (today)\n\n- two\n\n## 0.1.0\n\n- one\n';
    expect(changesOf(log, '0.2.0')).toBe('- two');
    expect(changesOf(log, '0.1.0')).toBe('- one');
    expect(changesOf(log, '0.1')).toBeNull();
  });
});

describe('trouble', () => {
  it.each([
    [new Error('net::ERR_CERT_AUTHORITY_INVALID'), 'does not prove who it is'],
    [new Error('net::ERR_BLOCKED_BY_CLIENT'), 'not encrypted'],
    [new Error('net::ERR_INTERNET_DISCONNECTED'), 'cannot be reached'],
    [Object.assign(new Error('x'), { code: 'ERR_CHECKSUM_MISMATCH' }), 'not what the feed'],
    [
      Object.assign(new Error('x'), { code: 'ERR_UPDATER_CHANNEL_FILE_NOT_FOUND' }),
      'nothing for this system',
    ],
    [Object.assign(new Error('x'), { code: 'ERR_UPDATER_INVALID_UPDATE_INFO' }), 'cannot be read'],
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), 'too full'],
    [new QuipuError('storage', 'The folder is full.', 'Empty it.'), 'The folder is full.'],
    [new Error('odd\nstack'), 'The update failed: odd'],
    ['a string', 'a string'],
  ])('%s', (thrown, words) => {
    const { message, action } = troubleOf(thrown);
    expect(message).toContain(words);
    expect(action).not.toBe('');
  });
});

const INSTALLS: Installation = { kind: 'installs', appImage: null };

describe('what a feed lists', () => {
  it.each([
    ['nothing', undefined, 'nothing for this system'],
    ['no list', 'Quipu.AppImage', 'nothing for this system'],
    ['other packages', [{ url: 'quipu.deb', sha512: 'x' }], 'nothing for this system'],
    ['files without a name', [{ sha512: 'x' }, null, 7, { url: 3 }], 'nothing for this system'],
    ['no checksum', [{ url: 'Quipu.AppImage' }], 'sha512'],
    ['an empty checksum', [{ url: 'Quipu.AppImage', sha512: '' }], 'sha512'],
    [
      'one without a checksum',
      [
        { url: 'a.AppImage', sha512: 'x' },
        { url: 'b.appimage', sha2: 'y' },
      ],
      'sha512',
    ],
    ['what is needed', [{ url: 'quipu.deb' }, { url: 'Quipu.AppImage', sha512: 'x' }], null],
  ])('%s', (_what, given, words) => {
    const trouble = listTrouble(listedFiles(given), 'linux');
    if (words === null) expect(trouble).toBeNull();
    else expect(trouble?.message).toContain(words);
  });
});

/** A keeper whose feed, user and clock the test plays. */
class Play {
  readonly clock = new TestClock();
  memory: UpdateMemory = { ...NO_UPDATE_MEMORY, ran: '1.0.0' };
  offer: Offer | Error | null = null;
  answer: Answer = 'later';
  arrives: Error | null = null;
  /** What the user was told and asked, and what was done, in its order. */
  readonly said: string[] = [];
  open: (() => void) | null = null;
  /** Of what was said last. */
  detail = '';
  readonly keeper: UpdateKeeper;

  constructor(installation: Installation = INSTALLS, version = '1.0.0') {
    this.keeper = new UpdateKeeper({
      logger: { log: () => undefined },
      installation,
      version,
      now: () => this.clock.now() / 1_000,
      after: (ms, run) => this.clock.after(ms, run),
      memory: {
        read: () => this.memory,
        write: (memory) => {
          this.memory = memory;
        },
      },
      find: async (feed) => {
        this.said.push(`look at ${feed}`);
        if (this.offer instanceof Error) throw this.offer;
        return this.offer;
      },
      download: async () => {
        this.said.push('download');
        if (this.arrives !== null) throw this.arrives;
      },
      postpone: () => this.said.push('postpone'),
      user: {
        notify: (title, _body, open) => {
          this.said.push(`notify ${title}`);
          this.open = open;
        },
        ask: async ({ version: offered }) => {
          this.said.push(`ask ${offered}`);
          return this.answer;
        },
        tell: async ({ version: offered }, how) => {
          this.said.push(`tell ${offered}: ${how}`);
          return this.answer;
        },
        inform: async (message, detail) => {
          this.said.push(`inform ${message}`);
          this.detail = detail;
        },
        whatsNew: async () => {
          this.said.push('what is new');
        },
      },
      changed: () => undefined,
    });
  }

  /** Moves the clock, lets what that started come to its end, and tells what was said since. */
  async after(ms: number): Promise<string[]> {
    this.clock.advance(ms);
    return this.settled();
  }

  async settled(): Promise<string[]> {
    await new Promise((done) => setImmediate(done));
    return this.said.splice(0);
  }

  async click(): Promise<string[]> {
    this.open?.();
    return this.settled();
  }
}

const OFFER: Offer = { version: '2.0.0', notes: 'new', address: FEED };

describe('the keeper of updates', () => {
  it('is off and asks nobody until a feed is set', async () => {
    const play = new Play();
    play.keeper.follow(null);
    expect(await play.after(30 * DAY)).toEqual([]);
    expect(play.keeper.state).toEqual({ phase: 'off' });
    await play.keeper.check();
    expect(await play.settled()).toEqual(['inform Updates are off']);
  });

  it('looks soon after the start and then daily, and says nothing when there is nothing', async () => {
    const play = new Play();
    play.keeper.follow(FEED);
    expect(await play.after(9_999)).toEqual([]);
    expect(await play.after(1)).toEqual([`look at ${FEED}`]);
    expect(await play.after(23 * HOUR)).toEqual([]);
    expect(await play.after(HOUR)).toEqual([`look at ${FEED}`]);
    play.keeper.follow(null);
    expect(await play.after(30 * DAY)).toEqual([]);
  });

  it('looks again within the hour when the feed did not answer, and bothers nobody with that', async () => {
    const play = new Play();
    play.offer = new Error('net::ERR_INTERNET_DISCONNECTED');
    play.keeper.follow(FEED);
    expect(await play.after(10_000)).toEqual([`look at ${FEED}`]);
    expect(play.keeper.state).toMatchObject({
      phase: 'failed',
      trouble: { message: expect.stringContaining('reached') as string },
    });
    expect(await play.after(HOUR)).toEqual([`look at ${FEED}`]);
    await play.keeper.check();
    expect(await play.settled()).toEqual([
      `look at ${FEED}`,
      'inform The feed of updates cannot be reached (ERR_INTERNET_DISCONNECTED).',
    ]);
  });

  it('downloads only after a yes, and leaves the rest to the end', async () => {
    const play = new Play();
    play.offer = OFFER;
    play.answer = 'download';
    play.keeper.follow(FEED);
    expect(await play.after(10_000)).toEqual([`look at ${FEED}`, 'notify Quipu 2.0.0 is there']);
    expect(updateWords(play.keeper.state)).toBe('Update to 2.0.0…');
    expect(await play.click()).toEqual(['ask 2.0.0', 'download', 'notify Quipu 2.0.0 is ready']);
    expect(play.keeper.state).toEqual({ phase: 'ready', version: '2.0.0' });
    expect(play.memory.expected).toBe('2.0.0');
    // Nothing more is looked for, asked or done.
    expect(await play.after(30 * DAY)).toEqual([]);
    await play.keeper.check();
    expect(await play.settled()).toEqual(['inform Quipu 2.0.0 is ready']);
  });

  it('does not ask again what was put off, nor ever what is skipped, unless the user asks', async () => {
    const play = new Play();
    play.offer = OFFER;
    play.keeper.follow(FEED);
    await play.after(10_000);
    expect(await play.click()).toEqual(['ask 2.0.0']);
    for (let day = 1; day < 3; day++) expect(await play.after(DAY)).toEqual([`look at ${FEED}`]);
    expect(await play.after(DAY)).toEqual([`look at ${FEED}`, 'notify Quipu 2.0.0 is there']);
    play.answer = 'skip';
    await play.click();
    for (let day = 0; day < 10; day++) expect(await play.after(DAY)).toEqual([`look at ${FEED}`]);
    await play.keeper.check();
    expect(await play.settled()).toEqual([`look at ${FEED}`, 'ask 2.0.0']);
  });

  it('tells what went wrong with a download that the user wanted', async () => {
    const play = new Play();
    play.offer = OFFER;
    play.answer = 'download';
    play.arrives = Object.assign(new Error('sha512'), { code: 'ERR_CHECKSUM_MISMATCH' });
    play.keeper.follow(FEED);
    await play.keeper.check();
    const said = await play.settled();
    expect(said.slice(0, 3)).toEqual([`look at ${FEED}`, 'ask 2.0.0', 'download']);
    expect(said[3]).toContain('thrown away');
    expect(play.memory.expected).toBeNull();
  });

  it('only tells where it cannot install, whatever the user answers', async () => {
    const play = new Play({ kind: 'tells', how: 'Get the deb.', extension: 'deb' });
    play.offer = OFFER;
    play.answer = 'download';
    play.keeper.follow(FEED);
    await play.keeper.check();
    expect(await play.settled()).toEqual([`look at ${FEED}`, 'tell 2.0.0: Get the deb.']);
    expect(play.keeper.state.phase).toBe('offered');
  });

  it('says what the last update came to', async () => {
    const updated = new Play(INSTALLS, '2.0.0');
    updated.memory = { ...NO_UPDATE_MEMORY, ran: '1.0.0', expected: '2.0.0' };
    updated.keeper.arrive();
    expect(await updated.click()).toEqual(['notify Quipu is now 2.0.0', 'what is new']);
    updated.keeper.arrive();
    expect(await updated.settled()).toEqual([]);

    const failed = new Play();
    failed.memory = { ...NO_UPDATE_MEMORY, ran: '1.0.0', expected: '2.0.0' };
    failed.keeper.arrive();
    expect(await failed.click()).toEqual([
      'notify Quipu 2.0.0 was not installed',
      'inform Quipu 2.0.0 was not installed',
    ]);
    expect(failed.detail).toBe('This is still 1.0.0. Choose Check for updates to try again.');
  });

  it('waits with one that has arrived when the system ends, and the next start offers it again', async () => {
    const play = new Play();
    play.keeper.postpone();
    expect(await play.settled()).toEqual([]);
    play.offer = OFFER;
    play.answer = 'download';
    play.keeper.follow(FEED);
    await play.keeper.check();
    await play.settled();
    play.keeper.postpone();
    expect(await play.settled()).toEqual(['postpone']);
    const next = new Play();
    next.memory = parseUpdateMemory(JSON.stringify(play.memory));
    next.offer = OFFER;
    next.keeper.arrive();
    next.keeper.follow(FEED);
    expect(await next.after(10_000)).toEqual([`look at ${FEED}`, 'notify Quipu 2.0.0 is there']);
  });

  it('says at the next start why it could not be installed at the end', async () => {
    const play = new Play();
    play.offer = OFFER;
    play.answer = 'download';
    play.keeper.follow(FEED);
    await play.keeper.check();
    play.keeper.notInstalled(new QuipuError('storage', 'The disk is too full.', 'Make room.'));
    const next = new Play();
    next.memory = parseUpdateMemory(JSON.stringify(play.memory));
    next.keeper.arrive();
    await next.click();
    expect(next.detail).toBe('This is still 1.0.0. The disk is too full. Make room.');
    // It is said once.
    next.keeper.arrive();
    expect(await next.settled()).toEqual([]);
    expect(next.memory.failure).toBeNull();
  });

  it('answers the user who asks while it looks by itself', async () => {
    const play = new Play();
    play.keeper.follow(FEED);
    play.clock.advance(10_000);
    expect(play.keeper.state.phase).toBe('checking');
    await play.keeper.check();
    expect(await play.settled()).toEqual([`look at ${FEED}`, 'inform Quipu is up to date']);
  });

  it('the source is never updated', async () => {
    const play = new Play({ kind: 'source' });
    play.offer = OFFER;
    play.keeper.follow(FEED);
    expect(await play.after(DAY)).toEqual([]);
    await play.keeper.check();
    expect(await play.settled()).toEqual(['inform This Quipu runs from its source']);
  });
});
