/** The command line: `npm run -s quipu -- ARGS`. */
import { assertNode } from '../../build/assert-node.ts';

assertNode();
// Only now, since what follows may use what an older Node lacks.
const { main } = await import('./main.ts');
await main(process.argv.slice(2));
