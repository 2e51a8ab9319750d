/**
 * Draws the app's pictures into build/: `node build/icons.ts` after a change here or in icon.svg. Needs a
 * Chromium (QUIPU_TEST_CHROMIUM, else the system's), so its results are kept in the repository.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

const BUILD = import.meta.dirname;
const ICONS = join(BUILD, 'icons');

/** The mark's gold for dark panels and for light ones; macOS colours its templates itself. */
const GOLD = '#d8b25c';
const DARK_GOLD = '#9a7412';
const TEMPLATE = '#000000';

const CORD = '<path d="M1.5 3h13" stroke-width="1.8"/>';
const WHOLE = { left: 'M4 3v10', middle: 'M8 3v11', right: 'M12 3v9' } as const;
const knots = (...at: readonly (readonly [x: number, y: number])[]): string =>
  `<g stroke="none" fill="currentColor">${at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="1.8"/>`).join('')}</g>`;
const strands = (...paths: readonly string[]): string => `<path d="${paths.join('')}" stroke-width="1.3"/>`;

/** The mark, 16 by 16. The state is told by shape, as on the cords of the charts: whole, cut, bare, knotted. */
const TRAY: Readonly<Record<string, string>> = {
  live: CORD + strands(WHOLE.left, WHOLE.middle, WHOLE.right) + knots([4, 8], [8, 7], [8, 11.6], [12, 8.5]),
  // One strand is cut.
  degraded:
    CORD + strands(WHOLE.left, WHOLE.middle, 'M12 3v2.2M12 12.4v1.4') + knots([4, 8], [8, 7], [8, 11.6]),
  // All strands are cut.
  disconnected: CORD + strands('M4 3v2.6M8 3v2.6M12 3v2.6', 'M4 11v2.6M8 11v2.6M12 11v2.6'),
  // No strand: nothing is being knotted, which the open knot says.
  'not-recording': `${CORD}<circle cx="8" cy="10" r="3.6" stroke-width="1.6"/>`,
  // The two bars of every player: a hand stopped it.
  paused: `${CORD}<path d="M5.6 7v6.4M10.4 7v6.4" stroke-width="2.6" stroke-linecap="butt"/>`,
  // An alert is a round knot, larger than any other.
  alert: `${CORD}${strands('M3.2 3v10')}<path d="M9.6 3v3" stroke-width="1.3"/><circle cx="9.6" cy="10.4" r="4.4" fill="currentColor" stroke="none"/>`,
};

/** Over the app's button in the task bar, where there are unseen announcements. */
const BADGE =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#c64a30"/><path d="M8 4v5M8 11.6v.6" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>';

const tray = (drawing: string, colour: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" color="${colour}" stroke="currentColor" stroke-linecap="round" fill="none">${drawing}</svg>`;

async function draw(page: Page, svg: string, size: number, file: string): Promise<void> {
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(
    `<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
  );
  writeFileSync(file, await page.screenshot({ omitBackground: true }));
}

const browser = await chromium.launch({
  executablePath: process.env['QUIPU_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
  chromiumSandbox: process.getuid?.() !== 0,
});
const page = await browser.newPage();
mkdirSync(ICONS, { recursive: true });
const icon = readFileSync(join(BUILD, 'icon.svg'), 'utf8');
await draw(page, icon, 1024, join(BUILD, 'icon.png'));
await draw(page, icon, 256, join(ICONS, 'window.png'));
for (const [name, drawing] of Object.entries(TRAY)) {
  for (const [suffix, colour] of [
    ['', GOLD],
    ['-light', DARK_GOLD],
    ['Template', TEMPLATE],
  ] as const) {
    // Electron takes the @2x file beside it for screens of high density.
    await draw(page, tray(drawing, colour), 16, join(ICONS, `tray-${name}${suffix}.png`));
    await draw(page, tray(drawing, colour), 32, join(ICONS, `tray-${name}${suffix}@2x.png`));
  }
}
await draw(page, BADGE, 16, join(ICONS, 'badge.png'));
await draw(page, BADGE, 32, join(ICONS, 'badge@2x.png'));
await browser.close();
