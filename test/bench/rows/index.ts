/** All rows, in the order of the table. A new one is a module here and a line below. */
import type { Row } from '../harness.ts';
import { decodeRows } from './decode.ts';
import { endToEnd } from './end-to-end.ts';
import { receive } from './receive.ts';
import { growth, session, window } from './review.ts';
import { durable, sealed } from './store.ts';
import { toBrowser } from './to-browser.ts';

export const ROWS: readonly Row[] = [
  receive,
  ...decodeRows,
  endToEnd,
  durable,
  sealed,
  window,
  session,
  ...growth,
  toBrowser,
];
