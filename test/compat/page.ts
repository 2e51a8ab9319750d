/** What Chromium 150 has and Chromium 108 lacks, of the language. */
import 'core-js/actual/index.js';
