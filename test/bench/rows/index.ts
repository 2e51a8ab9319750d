/** All rows, in the order of the table. A new one is a module here and a line below. */
import type { Row } from '../harness.ts';
import { decodeRows } from './decode.ts';
import { receive } from './receive.ts';

export const ROWS: readonly Row[] = [receive, ...decodeRows];
