import { expect, it } from 'vitest';
import { fuzzCommands } from './fuzz-commands.ts';
import { SHAPES } from './command-shapes.ts';

/** The long form, 10,000 by each way, is `npm run fuzz`. */
it('wrong calls of every command: all are refused, and nothing happens', { timeout: 120_000 }, async () => {
  const ways = { 'in its process': 10_000, 'a MessagePort': 500, 'the loopback WebSocket': 500 };
  const { refused } = await fuzzCommands(ways, 4711);
  const commands = Object.keys(SHAPES).length;
  for (const [way, calls] of Object.entries(ways)) expect(refused[way], way).toBe(calls * commands);
});
