/** The headers of every page of Quipu: it may load what comes with it, and do nothing else. */

/** @param bridge the address of the bridge where it is a network; null: it is none */
export function pageHeaders(bridge: string | null): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "font-src 'self'",
      "img-src 'self' data:",
      // `'self'` is not the same host by another scheme in every browser.
      bridge === null ? "connect-src 'self'" : `connect-src 'self' ${bridge}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      // Text never becomes markup or script, but by the one place in Svelte that makes its templates.
      "require-trusted-types-for 'script'",
      'trusted-types svelte-trusted-html',
    ].join('; '),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Permissions-Policy': DENIED.map((feature) => `${feature}=()`).join(', '),
  };
}

/** What a page of Quipu never asks for; what it would be refused anyway is refused here first. */
const DENIED = [
  ...['camera', 'microphone', 'geolocation', 'display-capture', 'usb', 'serial', 'hid', 'bluetooth', 'midi'],
  ...['payment', 'accelerometer', 'gyroscope', 'magnetometer', 'screen-wake-lock', 'clipboard-read'],
];
