/** Opens a folder that this process may read but not write, for writing and for reading; says what came of it. */
import { readdirSync } from 'node:fs';
import { toAppError } from '../../../main/core/result.ts';
import { openStore } from '../../../main/core/store/open.ts';

const folder = process.argv[2] ?? '';
const workerScript = (name: 'writer' | 'reader'): URL =>
  new URL(`../../../main/core/store/${name}-worker.ts`, import.meta.url);

let writing: unknown = null;
try {
  await (await openStore({ folder, workerScript })).close();
} catch (error) {
  writing = toAppError(error);
}
const store = await openStore({ folder, workerScript, readOnly: true });
const [session] = await store.sessions();
let trades = 0;
for await (const page of store.exportTrades({ session: session?.id ?? 0, market: null }))
  trades += page.length;
await store.close();
console.log(JSON.stringify({ writing, trades, state: session?.state, files: readdirSync(folder).sort() }));
