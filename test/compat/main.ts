/** What the main process of Electron 45 has and that of Electron 22 lacks, of what the product uses. */
import './node.ts';
import inspector from 'node:inspector';
import { app, protocol } from 'electron';
import { fetch, FormData, Headers, Request, Response } from 'undici';

Object.assign(globalThis, { fetch, FormData, Headers, Request, Response });

/** `protocol.handle` (since Electron 25) by the older `registerBufferProtocol`. */
function handle(scheme: string, handler: (request: Request) => Response | Promise<Response>): void {
  const answer = async (given: Electron.ProtocolRequest): Promise<Electron.ProtocolResponse> => {
    const { url, method, headers } = given;
    const response = await handler(new Request(url, { method, headers }));
    const data = Buffer.from(await response.arrayBuffer());
    const named = Object.fromEntries(response.headers);
    const [mimeType = 'application/octet-stream'] = (response.headers.get('content-type') ?? '').split(';');
    return { statusCode: response.status, headers: named, mimeType, data };
  };
  protocol.registerBufferProtocol(scheme, (request, respond) => {
    answer(request).then(
      (response) => respond(response as Electron.ProtocolResponse & { data: Buffer }),
      () => respond({ error: -2 }),
    );
  });
}

// The functions of this object come from a proxy, which would not keep one that is assigned.
Object.defineProperty(protocol, 'handle', { value: handle });

// Playwright misses a window that opens while it connects, and then waits for ever. Its own loader holds a start back
// until it has connected, and is of no use to a packaged app.
if (app.commandLine.hasSwitch('remote-debugging-port')) {
  const whenReady = app.whenReady.bind(app);
  const driven = new Promise<void>((resolve) => Object.assign(globalThis, { __playwright_run: resolve }));
  Object.defineProperty(app, 'whenReady', { value: () => driven.then(whenReady) });
}

// A debugger that leaves while Node 16 tells it of the end ends the process by SIGSEGV, in the inspector's thread. Told
// of the end, Playwright leaves, so it is sent away before.
app.on('quit', () => {
  if (inspector.url() !== undefined) inspector.close();
});
