/** The page's own scheme, `app://quipu/`: the renderer's built files and nothing else. */
import { protocol } from 'electron';
import { pageHeaders } from '../core/page-policy.ts';
import { readStatic } from '../core/static-files.ts';

const SCHEME = 'app';
const HOST = 'quipu';
/** Where every page of the app lies. */
export const APP_ORIGIN = `${SCHEME}://${HOST}`;
export const APP_PAGE = `${APP_ORIGIN}/index.html`;

const HEADERS = pageHeaders(null);

/** Whether the address is one of the app's own pages. */
export function isAppPage(address: string): boolean {
  // Node's URL gives a scheme that it does not know no origin, so its parts are compared.
  const url = URL.canParse(address) ? new URL(address) : null;
  return url !== null && url.protocol === `${SCHEME}:` && url.host === HOST;
}

/** Before the app is ready: Chromium reads it once. An origin of its own is what a relative address needs. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
}

/** Answers for the scheme from `folder`, when the app is ready. */
export function serveScheme(folder: string): void {
  protocol.handle(SCHEME, async (request) => {
    const url = new URL(request.url);
    if (request.method !== 'GET' || url.host !== HOST)
      return new Response(null, { status: 404, headers: HEADERS });
    const file = await readStatic(folder, url.pathname);
    if (file === null) return new Response(null, { status: 404, headers: HEADERS });
    return new Response(new Uint8Array(file.bytes), { headers: { ...HEADERS, 'Content-Type': file.type } });
  });
}
