import '@fontsource-variable/inter/wght.css';
import './app.css';
import { mount } from 'svelte';
import App from './views/App.svelte';
import { App as AppState } from './state/app.svelte.ts';
import type { Transport } from './state/bridge.ts';
import { ThemeState } from './state/theme.svelte.ts';
import { bridgeUrl, loopbackTransport, takeToken } from './transports/loopback.ts';
import { portTransport } from './transports/port.ts';

/** What the preload tells of itself. */
interface DesktopInfo {
  readonly desktop: true;
  readonly platform: string;
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
mount(App, { target, props: { app: new AppState(chooseTransport()), theme: new ThemeState() } });
