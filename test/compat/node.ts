/**
 * What Node 24 has and Node 16 lacks, of what the product uses; imported before the product's first line
 * in the threads of an older Electron.
 */
import 'core-js/actual/index.js';
import { createRequire } from 'node:module';

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

function crc32(data: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of data) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 255] ?? 0);
  return (value ^ 0xffff_ffff) >>> 0;
}

// Not by an import: a bundle that has one of the whole module takes its functions from a copy made before.
const zlib = createRequire(process.execPath)('node:zlib') as object;
if (!('crc32' in zlib)) Object.assign(zlib, { crc32 });
