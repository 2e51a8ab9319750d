/** `npm start [-- --demo]`: builds what is stale and opens Quipu; without Electron or a screen, on loopback. */
import { assertNode } from './assert-node.ts';

assertNode();
// Only now, since what follows may use what an older Node lacks.
const { start } = await import('./open.ts');
process.exitCode = await start(process.argv.slice(2));
