/** What the scanner and its short cut both read of a string's bytes. */
import { SIDE_BUY, SIDE_SELL, SIDE_UNKNOWN } from '../flow/batch.ts';

export const QUOTE = 0x22;

/** 1 for the bytes that stand for themselves in a JSON string and are ASCII. */
export const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== 0x5c ? 1 : 0,
);

/** `buy` or `sell` in any case; | 0x20 makes a letter small, and no other plain byte one of these. */
export function sideAt(bytes: Uint8Array, at: number, length: number): number {
  const a = (bytes[at] ?? 0) | 0x20;
  const b = (bytes[at + 1] ?? 0) | 0x20;
  const c = (bytes[at + 2] ?? 0) | 0x20;
  if (length === 3 && a === 0x62 && b === 0x75 && c === 0x79) return SIDE_BUY;
  const d = (bytes[at + 3] ?? 0) | 0x20;
  if (length === 4 && a === 0x73 && b === 0x65 && c === 0x6c && d === 0x6c) return SIDE_SELL;
  return SIDE_UNKNOWN;
}
