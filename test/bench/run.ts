/**
 * `npm run bench`: how fast ours is beside what else the machine offers.
 *
 * Usage: node test/bench/run.ts [--full] [--row NAME]... [--json FILE] [--strict]
 *
 * Only ratios within one run mean something: the contenders of a row run in turns, each in fresh
 * processes, and the medians are compared. See README.md beside this file.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { measure, Prepared, type RowResult } from './harness.ts';
import { ROWS } from './rows/index.ts';
import { missed, reportOf, tableOf } from './table.ts';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    row: { type: 'string', multiple: true },
    json: { type: 'string' },
    strict: { type: 'boolean', default: false },
  },
});

const unknown = values.row?.filter((name) => !ROWS.some((row) => row.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`No such row: ${unknown.join(', ')}. There are: ${ROWS.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}

const chosen = ROWS.filter(({ name }) => values.row?.includes(name) ?? true);
const machine = { node: process.version, cores: availableParallelism(), platform: process.platform };
const rounds = values.full ? 5 : 3;
console.log(
  `${values.full ? 'Full' : 'Quick'} form, node ${machine.node}, ${machine.platform}, ${machine.cores} cores, median of ${rounds}${values.full ? '' : ' (1 where nothing is to be reached)'}.`,
);
const results: RowResult[] = [];
const prepared = new Prepared();
try {
  for (const row of chosen) {
    if (process.stderr.isTTY) process.stderr.write(`${row.name} ...\x1b[K\r`);
    // A row without a target only tells.
    const turns = values.full || row.must !== null ? rounds : 1;
    results.push(await measure(row, values.full, turns, prepared));
  }
} finally {
  prepared.remove();
}
console.log(tableOf(results));
if (values.json !== undefined) {
  const report = { date: new Date().toISOString(), form: values.full ? 'full' : 'quick', rounds, machine };
  writeFileSync(values.json, `${JSON.stringify({ ...report, rows: results.map(reportOf) }, null, 2)}\n`);
}
process.exitCode = values.strict && results.some(missed) ? 1 : 0;
