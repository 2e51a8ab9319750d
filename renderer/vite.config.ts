import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { fileURLToPath } from 'node:url';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that the same files work from the package's own scheme and from the browser host.
  base: './',
  plugins: [svelte()],
  build: {
    outDir: fileURLToPath(new URL('../out/renderer', import.meta.url)),
    emptyOutDir: true,
    // The lowest Chromium that the app is tested on.
    target: 'chrome108',
    cssTarget: 'chrome108',
    // Fonts and pictures stay files: the content security policy lets no data: fonts in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
