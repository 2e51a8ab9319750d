import '@fontsource-variable/inter/wght.css';
import './app.css';
import { mount } from 'svelte';
import { isPageCommand, MAIN, placeOfHash } from '../main/core/desk.ts';
import App from './views/App.svelte';
import { App as AppState } from './state/app.svelte.ts';
import type { Transport } from './state/bridge.ts';
import { targetOf } from './state/target.ts';
import { ThemeState } from './state/theme.svelte.ts';
import { bridgeUrl, loopbackTransport, takeToken } from './transports/loopback.ts';
import { portTransport } from './transports/port.ts';

/** What the preload tells of itself. */
interface DesktopInfo {
  readonly desktop: true;
  readonly platform: string;
  /** Told what is chosen in the native menus. */
  onCommand(listener: (command: string) => void): void;
  /** Told where to go after a click on a notification or in the tray. */
  onGo(listener: (target: unknown) => void): void;
}

declare global {
  interface Window {
    readonly quipu?: DesktopInfo;
  }
}

function chooseTransport(): Transport {
  if (window.quipu !== undefined) return portTransport();
  const token = takeToken();
  return loopbackTransport(bridgeUrl(window.location), token);
}

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element with the id app');
if (window.quipu !== undefined) document.documentElement.dataset['platform'] = window.quipu.platform;
// The token is taken out of the address first.
const transport = chooseTransport();
const app = new AppState(transport, placeOfHash(window.location.hash) ?? MAIN);
// An address that is changed by hand is another window's.
window.addEventListener('hashchange', () => window.location.reload());
window.quipu?.onCommand((command) => {
  if (isPageCommand(command)) app.run(command);
});
window.quipu?.onGo((given) => {
  const where = targetOf(given);
  if (where !== null) app.goTo(where);
});
mount(App, { target, props: { app, theme: new ThemeState() } });
