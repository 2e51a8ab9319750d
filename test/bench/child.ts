/** One measurement in a process of its own: node child.ts ROW CONTENDER FORM. Answers its parent. */
import { type Answer, type Form, Unavailable } from './harness.ts';
import { ROWS } from './rows/index.ts';

const [name = '', task = '', form = '{}'] = process.argv.slice(2);

async function run(): Promise<Answer> {
  const row = ROWS.find((each) => each.name === name);
  const asked = JSON.parse(form) as Form;
  if (task === 'prepare') {
    await row?.prepare?.(asked);
    return { kind: 'sample', sample: null };
  }
  const contender = row?.contenders[task];
  if (contender === undefined) return { kind: 'failed', why: 'no such row or contender' };
  return { kind: 'sample', sample: await contender(asked) };
}

// A run that was cut off leaves nothing behind.
process.once('disconnect', () => process.exit());
const answer = await run().catch((error: unknown): Answer => {
  if (error instanceof Unavailable) return { kind: 'unavailable', why: error.message };
  return { kind: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
});
process.send?.(answer);
