/**
 * Between the page and the main process: tells the page that it is in the desktop, hands over one
 * MessagePort each time that the page asks for one, and tells what was chosen in the menus. Nothing else of
 * Electron reaches the page.
 */
import { contextBridge, ipcRenderer } from 'electron';

/** What the page posts to its own window to ask for a port; see renderer/transports/port.ts. */
const ASK = 'quipu:ready';
/** What the page is posted with the port. */
const GIVE = 'quipu:port';

/** Told what is chosen in the menus. */
let onCommand: ((command: string) => void) | null = null;

contextBridge.exposeInMainWorld('quipu', {
  desktop: true,
  platform: process.platform,
  /** The page's one listener to the menus; the newest counts. */
  onCommand(listener: (command: string) => void) {
    onCommand = listener;
  },
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
