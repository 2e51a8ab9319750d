/** Text that a stranger wrote, shown so that nothing in it hides or reorders what is around it. */
import type { Endpoint, Millis, RawFrame } from '../../main/core/contract.ts';

/** A part of a text: as it is, or what stands for characters that could not be seen as they are. */
export interface Piece {
  readonly text: string;
  readonly escaped: boolean;
}

/**
 * Controls, marks that reorder (bidi) or are not seen, halves of surrogate pairs, ends of lines and
 * paragraphs, and every space but the usual one.
 */
const HIDDEN = /(?:[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs})+/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapesOf(hidden: string): string {
  return Array.from(hidden, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return SHORT[character] ?? (code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`);
  }).join('');
}

/** The text in pieces; joined, they are one line. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { 0: hidden, index } of text.matchAll(HIDDEN)) {
    if (index > at) pieces.push({ text: text.slice(at, index), escaped: false });
    pieces.push({ text: escapesOf(hidden), escaped: true });
    at = index + hidden.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), escaped: false });
  return pieces;
}

/** The beginning of a text as one line of at most `limit` characters, none of them hidden. */
export function lineOf(text: string, limit: number): string {
  const line = text.slice(0, limit).replace(HIDDEN, escapesOf);
  return line.length > limit ? line.slice(0, limit) : line;
}

/** The lines of a raw text: each break is shown as what it is, and breaks the line too. */
export function rawLines(text: string): Piece[][] {
  return text.split(/(?<=\n)/).map(piecesOf);
}

/** Deeper than this the indentation would be longer than the text. */
const MOST_DEPTH = 64;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * One JSON document, or one on each line, indented; null when the text is none. Only space between
 * tokens changes: every digit and every escape stays as it came, which parsing and writing would not
 * leave so.
 */
export function prettyJson(text: string): string | null {
  if (isJson(text)) return indented(text);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length < 2 || !lines.every(isJson)) return null;
  const documents = lines.map(indented);
  return documents.includes(null) ? null : documents.join('\n');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function indented(json: string): string | null {
  let out = '';
  let depth = 0;
  let before = '';
  const newLine = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of json.matchAll(TOKEN)) {
    const opened = before === '{' || before === '[';
    if (token === '}' || token === ']') {
      depth--;
      if (!opened) out += newLine();
    } else if (opened || before === ',') out += newLine();
    out += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth++;
    if (depth > MOST_DEPTH) return null;
    before = token;
  }
  return out;
}

/** Frames as a file: one JSON document on each line, with the text as it came. */
export function framesFile(endpoint: Endpoint, frames: readonly RawFrame[]): string {
  return frames
    .map(({ at, bytes, truncated, text }) =>
      JSON.stringify({ endpoint, received: new Date(at).toISOString(), bytes, truncated, text }),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `quipu-trades-frames-20240115T181007Z.ndjson` */
export function framesFileName(endpoint: Endpoint, now: Millis): string {
  const time = new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '');
  return `quipu-${endpoint}-frames-${time}Z.ndjson`;
}
