/** What Chromium 150 has and Chromium 108 lacks, of what the page uses. */
import 'core-js/actual/index.js';

type Listen = (this: Target, type: string, listener: unknown, options?: unknown) => void;

interface Target {
  addEventListener: Listen;
  removeEventListener: Listen;
}

const page = globalThis as unknown as Target & { readonly MessagePort: { readonly prototype: Target } };
const { prototype } = page.MessagePort;
const listen = prototype.addEventListener;

/** Electron 22 tells a port of its end also when its page goes, and the page's process crashes of that. */
prototype.addEventListener = function (this: Target, type, listener, options) {
  listen.call(this, type, listener, options);
  if (type !== 'close') return;
  page.addEventListener('pagehide', () => {
    this.removeEventListener(type, listener, options);
  });
};
