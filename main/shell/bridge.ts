/** Gives the window's page its MessagePort to the core. */
import { type BrowserWindow, type IpcMainEvent, MessageChannelMain, type MessagePortMain } from 'electron';
import type { Core } from '../core/core.ts';
import type { Logger } from '../core/ports.ts';
import { type CorePort, servePort } from '../core/transport/serve-port.ts';
import { isAppPage } from './scheme.ts';

/**
 * One port at a time: a page that asks again (a reload) ends the port before, whether or not Chromium
 * has told that the old page is gone.
 */
export function serveBridge(window: BrowserWindow, core: Promise<Core>, logger: Logger): void {
  let end: (() => void) | null = null;

  async function connect(event: IpcMainEvent): Promise<void> {
    if (!isOwnPage(window, event)) {
      logger.log('warn', 'refused a page that is not the window’s own', {
        url: event.senderFrame?.url ?? 'gone',
      });
      return;
    }
    const served = await core;
    if (window.isDestroyed()) return;
    end?.();
    const { port1, port2 } = new MessageChannelMain();
    end = servePort(served, corePort(port1));
    window.webContents.postMessage('quipu:port', null, [port2]);
  }

  const listener = (event: IpcMainEvent): void => {
    // A core that could not be made is told by the one who made it.
    connect(event).catch(() => undefined);
  };
  // Of this window's page alone: each window has a bridge of its own.
  window.webContents.ipc.on('quipu:connect', listener);
  window.on('closed', () => end?.());
}

/** The window's own main frame, on one of the app's own pages. */
function isOwnPage(window: BrowserWindow, { sender, senderFrame }: IpcMainEvent): boolean {
  if (window.isDestroyed() || sender !== window.webContents) return false;
  return senderFrame !== null && senderFrame === window.webContents.mainFrame && isAppPage(senderFrame.url);
}

/** Electron's port as the transport has it. It clones what is posted: it cannot transfer buffers. */
function corePort(port: MessagePortMain): CorePort {
  return {
    postMessage: (message) => port.postMessage(message),
    onMessage(listener) {
      port.on('message', ({ data }) => listener(data));
      port.start();
    },
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}
