/**
 * What Node 24 has and Node 16 lacks, of what the product uses; imported before the product's first line
 * in the threads of an older Electron.
 */
import 'core-js/actual/index.js';
