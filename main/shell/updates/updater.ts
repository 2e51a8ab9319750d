/** electron-updater as Quipu uses it: one feed, encrypted, asked by nobody but us. */
import type { AppUpdater as Updater, Logger as UpdaterLogger } from 'electron-updater';
import type { Session } from 'electron';
import type { Logger } from '../../core/ports.ts';
import type { Installation } from './installation.ts';
import type { Offer } from './keeper.ts';
import { plainNotes } from './release-notes.ts';

export interface Downloader {
  find(feed: string): Promise<Offer | null>;
  download(): Promise<void>;
}

/** Loaded at the first look: who has no feed has none of it. */
export function createDownloader(installation: Installation, logger: Logger): Downloader {
  let loading: Promise<Updater> | null = null;

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

    const updater =
      installation.kind !== 'installs'
        ? new Announcer()
        : process.platform === 'win32'
          ? new NsisUpdater()
          : process.platform === 'darwin'
            ? new MacUpdater()
            : new AppImageUpdater();
    updater.autoDownload = false;
    updater.autoInstallOnAppQuit = true;
    updater.autoRunAppAfterInstall = false;
    updater.allowDowngrade = false;
    updater.allowPrerelease = false;
    updater.disableWebInstaller = true;
    updater.logger = loggerOf(logger);
    limit(updater.netSession);
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
      const { version, releaseNotes, files } = found.updateInfo;
      return { version, notes: plainNotes(releaseNotes), address: addressOf(feed, files, installation) };
    },
    async download() {
      await (await loading)?.downloadUpdate();
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
function addressOf(
  feed: string,
  files: readonly { readonly url: string }[],
  installation: Installation,
): string {
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
