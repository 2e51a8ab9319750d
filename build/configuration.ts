/** electron-builder.yml, read and checked as electron-builder itself does. */
import { resolve } from 'node:path';
import { getConfig, validateConfiguration } from 'app-builder-lib/out/util/config/config.js';
import { DebugLogger } from 'builder-util';
import type { Configuration } from 'electron-builder';

const ROOT = resolve(import.meta.dirname, '..');
export const CONFIGURATION = 'electron-builder.yml';

/** @throws {Error} when it breaks electron-builder's schema; the message names where */
export async function loadConfiguration(file: string = CONFIGURATION): Promise<Configuration> {
  const configuration = await getConfig(ROOT, file, null);
  await validateConfiguration(configuration, new DebugLogger(false));
  return configuration;
}
