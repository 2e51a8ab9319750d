/** The page's own scheme, `app://quipu/`: the renderer's built files and nothing else. */
import { protocol } from 'electron';
import { readStatic } from '../core/static-files.ts';

const SCHEME = 'app';
const HOST = 'quipu';
/** Where every page of the app lies. */
export const APP_ORIGIN = `${SCHEME}://${HOST}`;
export const APP_PAGE = `${APP_ORIGIN}/index.html`;

/** The page may load what is here, and reach nobody: the bridge is no network. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

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
    if (request.method !== 'GET' || url.host !== HOST) return new Response(null, { status: 404 });
    const file = await readStatic(folder, url.pathname);
    if (file === null) return new Response(null, { status: 404, headers: HEADERS });
    return new Response(new Uint8Array(file.bytes), { headers: { ...HEADERS, 'Content-Type': file.type } });
  });
}
