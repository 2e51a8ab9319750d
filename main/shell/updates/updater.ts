/** electron-updater as Quipu uses it: one feed, encrypted, asked by nobody but us. */
import type { AppUpdater as Updater, Logger as UpdaterLogger } from 'electron-updater';
import type { Session } from 'electron';
import type { Logger } from '../../core/ports.ts';
import { QuipuError } from '../../core/result.ts';
import type { Installation } from './installation.ts';
import type { Offer } from './keeper.ts';
import { type ListedFile, listedFiles, listTrouble } from './listed.ts';
import { plainNotes } from './release-notes.ts';
import { replaceAppImage } from './replace.ts';

export interface Downloader {
  find(feed: string): Promise<Offer | null>;
  download(): Promise<void>;
  /** What arrived is not installed at this end of the app. */
  postpone(): void;
}

/**
 * Loaded at the first look: who has no feed has none of it.
 *
 * @param notInstalled what had arrived could not take the place of what runs; the app is about to end
 */
export function createDownloader(
  installation: Installation,
  logger: Logger,
  notInstalled: (error: unknown) => void,
): Downloader {
  let loading: Promise<Updater> | null = null;
  let loaded: Updater | null = null;

  async function load(): Promise<Updater> {
    // CommonJS: some loaders give it as the default export alone.
    const module = (await import('electron-updater')) as typeof import('electron-updater') & {
      readonly default?: typeof import('electron-updater');
    };
    const { AppImageUpdater, AppUpdater, MacUpdater, NsisUpdater } = module.default ?? module;

    /** Looks, and never replaces anything. */
    class Announcer extends AppUpdater {
      constructor() {
        super(null);
      }

      protected override doDownloadUpdate(): Promise<never> {
        return Promise.reject(new Error('This installation does not update itself.'));
      }

      override quitAndInstall(): void {
        throw new Error('This installation does not update itself.');
      }
    }

    /** Its own way takes the old file away before the new one is there, and starts the new one to see. */
    class Replacer extends AppImageUpdater {
      readonly #file: string;

      constructor(file: string) {
        super();
        this.#file = file;
      }

      protected override doInstall(): boolean {
        const arrived = this.downloadedUpdateHelper?.file;
        const sha512 = this.downloadedUpdateHelper?.downloadedFileInfo?.sha512;
        try {
          if (!arrived || !sha512) throw new Error('No update was downloaded.');
          replaceAppImage({ file: this.#file, arrived, sha512 });
          return true;
        } catch (error) {
          notInstalled(error);
          return false;
        }
      }
    }

    const updater =
      installation.kind !== 'installs'
        ? new Announcer()
        : installation.appImage !== null
          ? new Replacer(installation.appImage)
          : process.platform === 'win32'
            ? new NsisUpdater()
            : new MacUpdater();
    updater.autoDownload = false;
    updater.autoInstallOnAppQuit = true;
    updater.autoRunAppAfterInstall = false;
    updater.allowDowngrade = false;
    updater.allowPrerelease = false;
    updater.disableWebInstaller = true;
    updater.logger = loggerOf(logger);
    limit(updater.netSession);
    loaded = updater;
    return updater;
  }

  return {
    async find(feed) {
      loading ??= load();
      const updater = await loading;
      updater.setFeedURL({ provider: 'generic', url: feed });
      const found = await updater.checkForUpdates();
      if (found === null) throw new Error('This copy cannot look for updates.');
      if (!found.isUpdateAvailable) return null;
      const { version, releaseNotes } = found.updateInfo;
      const files = listedFiles(found.updateInfo.files);
      const trouble = installation.kind === 'installs' ? listTrouble(files, process.platform) : null;
      if (trouble !== null) throw new QuipuError('refused', trouble.message, trouble.action);
      return { version, notes: plainNotes(releaseNotes), address: addressOf(feed, files, installation) };
    },
    async download() {
      await (await loading)?.downloadUpdate();
    },
    postpone() {
      // Its answer at the end of the app reads it again.
      if (loaded !== null) loaded.autoInstallOnAppQuit = false;
    },
  };
}

/** Every request and every redirection of the updater is encrypted, and tells nobody who asks. */
function limit({ webRequest }: Session): void {
  webRequest.onBeforeRequest(({ url }, decide) => decide({ cancel: !/^https:/i.test(url) }));
  webRequest.onBeforeSendHeaders(({ requestHeaders }, decide) => {
    // A number that it makes up for each installation.
    const others = Object.entries(requestHeaders).filter(
      ([name]) => name.toLowerCase() !== 'x-user-staging-id',
    );
    decide({ requestHeaders: Object.fromEntries(others) });
  });
}

/** The package for this kind of installation, else the feed itself. */
function addressOf(feed: string, files: readonly ListedFile[], installation: Installation): string {
  const extension = installation.kind === 'tells' ? installation.extension : null;
  const base = feed.endsWith('/') ? feed : `${feed}/`;
  const addresses = files
    .filter(({ url }) => extension !== null && url.toLowerCase().endsWith(`.${extension}`))
    .flatMap(({ url }) => (URL.canParse(url, base) ? [new URL(url, base).href] : []));
  return addresses.find((address) => address.startsWith('https:')) ?? feed;
}

function loggerOf(logger: Logger): UpdaterLogger {
  const say =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message?: unknown): void => {
      const [line = ''] = String(message).split('\n');
      logger.log(level, `updates: ${line}`);
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
