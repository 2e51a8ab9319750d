/**
 * CSV by RFC 4180, safe to open in a spreadsheet: a cell that would start a formula there (it begins
 * with = + - @, their wide forms, tab, CR or LF, and is no number) gets an apostrophe before it, which
 * spreadsheets take for "text follows".
 */

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const QUOTED = /[",\r\n]/;

export type Cell = string | number | null;

/** A row with its line end. null is an empty cell. */
export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
