/** electron-builder's hook for when Electron lies in the package's folder, before the app does. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AfterPackContext } from 'electron-builder';

/** Electron's own sample app stays where Electron comes from a folder instead of its archive. */
export default async function afterExtract({
  appOutDir,
  electronPlatformName,
}: AfterPackContext): Promise<void> {
  const resources =
    electronPlatformName === 'darwin'
      ? join(appOutDir, 'Electron.app', 'Contents', 'Resources')
      : join(appOutDir, 'resources');
  await rm(join(resources, 'default_app.asar'), { force: true });
}
