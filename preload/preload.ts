/**
 * Between the page and the main process: tells the page that it is in the desktop, hands over one
 * MessagePort each time that the page asks for one, and tells what was chosen in the menus, and where to go
 * after a click outside of the window. Nothing else of Electron reaches the page.
 */
import { contextBridge, ipcRenderer } from 'electron';

/** What the page posts to its own window to ask for a port; see renderer/transports/port.ts. */
const ASK = 'quipu:ready';
/** What the page is posted with the port. */
const GIVE = 'quipu:port';

/** Told what is chosen in the menus. */
let onCommand: ((command: string) => void) | null = null;
/** Told where to go; what comes before there is a listener waits for it. */
let onGo: ((target: unknown) => void) | null = null;
let early: unknown = null;

contextBridge.exposeInMainWorld('quipu', {
  desktop: true,
  platform: process.platform,
  /** The page's one listener to the menus; the newest counts. */
  onCommand(listener: (command: string) => void) {
    onCommand = listener;
  },
  /** The page's one listener to clicks on notifications and in the tray; the newest counts. */
  onGo(listener: (target: unknown) => void) {
    onGo = listener;
    if (early !== null) listener(early);
    early = null;
  },
});

ipcRenderer.on('quipu:go', (_event, target: unknown) => {
  if (onGo === null) early = target;
  else onGo(target);
});

window.addEventListener('message', (event) => {
  // A message of another window or frame is no request of this page.
  if (event.source === window && event.origin === location.origin && event.data === ASK) {
    ipcRenderer.send('quipu:connect');
  }
});

ipcRenderer.on('quipu:port', (event) => {
  window.postMessage(GIVE, location.origin, event.ports);
});

ipcRenderer.on('quipu:command', (_event, command: unknown) => {
  if (typeof command === 'string') onCommand?.(command);
});
