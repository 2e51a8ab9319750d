/** Updates in the desktop: from the feed that QUIPU_UPDATE_URL or the settings name, off until one does. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { app, clipboard, dialog, Notification } from 'electron';
import type { CoreEvent } from '../../core/contract.ts';
import type { Core } from '../../core/core.ts';
import type { Logger } from '../../core/ports.ts';
import { toAppError } from '../../core/result.ts';
import { systemClock } from '../../core/system-clock.ts';
import { updateFeedFault } from '../../core/update-feed.ts';
import { ownAppImage } from '../app-image.ts';
import { installationOf } from './installation.ts';
import { type Answer, type KeeperPorts, type Offer, UpdateKeeper, type UpdateState } from './keeper.ts';
import { parseUpdateMemory, type UpdateMemory } from './plan.ts';
import { changesOf } from './release-notes.ts';
import { createDownloader } from './updater.ts';

const SETTING = 'QUIPU_UPDATE_URL';

export interface Updates {
  readonly state: UpdateState;
  /** The user asks; the answer is a dialog. */
  check(): void;
  /** What the running version brought, in a dialog. */
  whatsNew(): void;
  /** The system ends the app: on Windows nothing is installed then, since it would cut the installer off. */
  systemEnds(): void;
}

export interface UpdatesOptions {
  /** The data folder, which gets `updates.json`. */
  readonly folder: string;
  readonly logger: Logger;
  /** Whenever the state changes, for a menu; its words are `updateWords`. */
  readonly changed?: (state: UpdateState) => void;
}

/** Once, when the core is there. Ends with the process. */
export function watchUpdates(core: Core, { folder, logger, changed }: UpdatesOptions): Updates {
  const installation = installationOf({
    platform: process.platform,
    isPackaged: app.isPackaged,
    program: app.getPath('exe'),
    appImage: ownAppImage(process.env, process.execPath),
    packageType: textOf(join(process.resourcesPath, 'package-type')),
    hasUninstaller: existsSync(join(dirname(app.getPath('exe')), 'Uninstall Quipu.exe')),
  });
  const user = userOf();
  const keeper = new UpdateKeeper({
    logger,
    installation,
    version: app.getVersion(),
    now: () => systemClock.now() / 1_000,
    after: (ms, run) => systemClock.after(ms, run),
    memory: memoryIn(join(folder, 'updates.json'), logger),
    ...createDownloader(installation, logger, (error) => keeper.notInstalled(error)),
    user,
    changed: (state) => changed?.(state),
  });
  if (app.isPackaged) keeper.arrive();
  const given = environmentFeed(logger);
  if (given !== undefined) keeper.follow(given);
  else {
    core.connect((message) => {
      const setting = message.kind === 'event' ? settingOf(message.event) : undefined;
      if (setting !== undefined) keeper.follow(setting);
    });
  }
  return {
    get state() {
      return keeper.state;
    },
    check: () => void keeper.check(),
    whatsNew: () => void user.whatsNew(),
    systemEnds() {
      if (process.platform === 'win32') keeper.postpone();
    },
  };
}

/** The administrator's; undefined: none is given. One that cannot be used switches updates off. */
function environmentFeed(logger: Logger): string | null | undefined {
  const given = process.env[SETTING];
  if (given === undefined || given === '') return undefined;
  const fault = updateFeedFault(given);
  if (fault === null) return given;
  logger.log('error', `updates are off: ${SETTING} ${fault}`);
  return null;
}

/** undefined: the event says nothing of it. */
function settingOf(event: CoreEvent): string | null | undefined {
  const settings =
    event.type === 'snapshot'
      ? event.snapshot.settings
      : event.type === 'settings'
        ? event.settings
        : undefined;
  if (settings === undefined) return undefined;
  return settings.updateFeed === undefined || settings.updateFeed === '' ? null : settings.updateFeed;
}

/** Small and rare, so written at once; whole or not at all. */
function memoryIn(path: string, logger: Logger): KeeperPorts['memory'] {
  let now: UpdateMemory = parseUpdateMemory(textOf(path));
  return {
    read: () => now,
    write(memory) {
      now = memory;
      try {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(`${path}.new`, `${JSON.stringify(memory, null, 2)}\n`, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch (error) {
        logger.log('warn', 'what is known of updates cannot be kept', { message: toAppError(error).message });
      }
    },
  };
}

function userOf(): KeeperPorts['user'] {
  const version = app.getVersion();
  // One that nobody holds is collected, and its click with it.
  let shown: Notification | null = null;

  async function inform(message: string, detail: string): Promise<void> {
    await dialog.showMessageBox({
      type: 'info',
      title: 'Quipu',
      message,
      detail,
      buttons: ['OK'],
      noLink: true,
    });
  }

  async function propose(offer: Offer, yes: string, detail: string): Promise<Answer> {
    const { response } = await dialog.showMessageBox({
      type: 'info',
      title: 'Update of Quipu',
      message: `Quipu ${offer.version} is there`,
      detail: [`You have ${version}.`, offer.notes, detail].filter((each) => each !== '').join('\n\n'),
      buttons: [yes, 'Later', 'Skip this version'],
      defaultId: 1,
      cancelId: 1,
      noLink: true,
    });
    return (['download', 'later', 'skip'] as const)[response] ?? 'later';
  }

  return {
    notify(title, body, open) {
      if (!Notification.isSupported()) {
        open();
        return;
      }
      shown = new Notification({ title, body });
      shown.on('click', open);
      shown.show();
    },
    ask: (offer) =>
      propose(
        offer,
        'Download',
        'It is installed when you quit Quipu, never while it runs, so that recording goes on.',
      ),
    async tell(offer, how) {
      const answer = await propose(offer, 'Copy address', `${how}\n${offer.address}`);
      if (answer === 'download') await clipboard.writeText(offer.address);
      return answer;
    },
    inform,
    async whatsNew() {
      const changes = changesOf(textOf(join(process.resourcesPath, 'CHANGELOG.md')) ?? '', version);
      await inform(`What is new in Quipu ${version}`, changes ?? 'This version says nothing of what is new.');
    },
  };
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
