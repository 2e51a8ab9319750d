/**
 * Reads out of a damaged database what can still be read. A page that cannot is stepped over, so that
 * what lies behind it is not lost for it.
 */
import type { Database, Statement } from 'better-sqlite3';
import { codeOf } from './errors.ts';

/** Rows read at once. A run with a bad page is read again in halves. */
const RUN = 1_024;
/** Failed reads after which a table is given up: a bad leaf costs some hundred, a bad root without end. */
const MOST_FAILURES = 20_000;
/** Beyond any row number: the last one that is stored may be damaged. */
const LAST_ROW = 2 ** 40;

export interface Salvaged {
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Runs of rows, or whole tables, that could not be read. */
  readonly unreadable: number;
}

interface Table {
  readonly name: string;
  readonly withoutRowid: boolean;
  readonly columns: readonly string[];
}

type Row = readonly unknown[];

/**
 * Copies the rows of every table that both have.
 *
 * @param damaged open for reading; is not written to
 * @param into has the tables of the same version, empty
 * @param tell called with the share that is done, 0 to 1
 * @throws what `into` throws; what `damaged` throws is stepped over
 */
export function salvage(damaged: Database, into: Database, tell: (share: number) => void): Salvaged {
  const rows: Record<string, number> = {};
  let unreadable = 0;
  const tables = tablesOf(into);
  for (const [index, table] of tables.entries()) {
    const taken = copyTable(damaged, into, table, (share) => tell((index + share) / tables.length));
    rows[table.name] = taken.rows;
    unreadable += taken.unreadable;
  }
  tell(1);
  return { rows, unreadable };
}

function tablesOf(database: Database): Table[] {
  const list = database
    .prepare<[], { name: string; wr: number }>(
      `SELECT name, wr FROM pragma_table_list
       WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name`,
    )
    .all();
  return list.map(({ name, wr }) => ({
    name,
    withoutRowid: wr === 1,
    columns: database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(name),
  }));
}

function copyTable(
  damaged: Database,
  into: Database,
  table: Table,
  tell: (share: number) => void,
): { rows: number; unreadable: number } {
  const names = table.columns.map((column) => `"${column}"`).join(', ');
  const insert = into.prepare<unknown[]>(
    `INSERT OR IGNORE INTO "${table.name}" (${names}) VALUES (${table.columns.map(() => '?').join(', ')})`,
  );
  let rows = 0;
  const keep = into.transaction((run: readonly Row[]) => {
    for (const row of run) rows += insertOne(insert, row);
  });
  const unreadable = table.withoutRowid
    ? copyByKey(damaged, table, names, keep)
    : copyByRow(damaged, table, names, keep, tell);
  return { rows, unreadable };
}

/** Tables without row numbers are small: from both ends, up to the first bad page. */
function copyByKey(
  damaged: Database,
  table: Table,
  names: string,
  keep: (run: readonly Row[]) => void,
): number {
  const key = attempt(() =>
    damaged
      .prepare<[string], string>('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk')
      .pluck()
      .all(table.name),
  );
  if (key === null || key.length === 0) return 1;
  for (const direction of ['ASC', 'DESC']) {
    const order = key.map((column) => `"${column}" ${direction}`).join(', ');
    let run: Row[] = [];
    const whole = attempt(() => {
      const found = damaged
        .prepare<[], Row>(`SELECT ${names} FROM "${table.name}" ORDER BY ${order}`)
        .raw()
        .safeIntegers()
        .iterate();
      for (const row of found) {
        run.push(row);
        if (run.length === RUN) {
          keep(run);
          run = [];
        }
      }
      return true;
    });
    keep(run);
    if (whole === true) return 0;
  }
  return 1;
}

function copyByRow(
  damaged: Database,
  table: Table,
  names: string,
  keep: (run: readonly Row[]) => void,
  tell: (share: number) => void,
): number {
  const between = attempt(() =>
    damaged
      .prepare<[first: number, last: number, most: number], Row>(
        `SELECT rowid, ${names} FROM "${table.name}" NOT INDEXED
         WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?`,
      )
      .raw()
      .safeIntegers(),
  );
  if (between === null) return 1;
  const newest = attempt(() =>
    damaged.prepare<[], number | null>(`SELECT max(rowid) FROM "${table.name}"`).pluck().get(),
  );
  let unreadable = 0;
  let failures = 0;
  /** What is still to be read, the next on top: a stack, since halves of halves may be many. */
  const stretches: [first: number, last: number][] = [[0, LAST_ROW]];
  for (let stretch = stretches.pop(); stretch !== undefined; stretch = stretches.pop()) {
    const [first, to] = stretch;
    const run = attempt(() => between.all(first, to, RUN));
    if (run !== null && isInOrder(run, first)) {
      keep(run.map((row) => row.slice(1)));
      const reached = Number(run.at(-1)?.[0] ?? to);
      if (run.length === RUN && reached < to) stretches.push([reached + 1, to]);
      // Only a hint: the newest row's number may be damaged as well.
      if (typeof newest === 'number' && newest > 0) tell(Math.min(1, reached / newest));
    } else if (++failures > MOST_FAILURES) {
      return unreadable + 1;
    } else if (to > first) {
      const middle = first + Math.floor((to - first) / 2);
      stretches.push([middle + 1, to], [first, middle]);
    } else {
      unreadable++;
    }
  }
  return unreadable;
}

/** A page of zeros is read as rows whose numbers are 0: none that was asked for. */
function isInOrder(run: readonly Row[], first: number): boolean {
  let before = first - 1;
  return run.every(([row]) => {
    const number = Number(row);
    const follows = number > before;
    before = number;
    return follows;
  });
}

/** Rows kept: a row that breaks a rule of its table is damage too. */
function insertOne(insert: Statement<unknown[]>, row: Row): number {
  try {
    return insert.run(...row).changes;
  } catch (error) {
    if (codeOf(error).startsWith('SQLITE_CONSTRAINT') || codeOf(error) === 'SQLITE_MISMATCH') return 0;
    throw error;
  }
}

/** null when it throws. */
function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}
