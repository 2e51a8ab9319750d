/** A real Chromium for the end-to-end tests. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../needs.ts';

const results = resolve(import.meta.dirname, '..', '..', 'test-results');

/** @throws when there is no Chromium; tests ask `findChromium` first */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null)
    throw new Error('There is no Chromium: install Debian’s chromium, or set QUIPU_TEST_CHROMIUM.');
  return chromium.launch({
    executablePath,
    // Chromium's sandbox refuses to run as root, which is what CI is.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Keeps a picture in test-results. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(results, { recursive: true });
  await page.screenshot({ path: join(results, `${name}.png`) });
}
