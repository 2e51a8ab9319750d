/** What the store keeps as bytes of its own making: a version in front, a checksum behind. */
import { crc32 } from 'node:zlib';
import { type ByteSink, ByteSource } from './integers.ts';

/** In the first one UUIDs were whole and rows by their distances alone. */
const FIRST_VERSION = 1;
const VERSION = 2;
const CHECKSUM_BYTES = 4;

/** Bytes in the store that are not what was written. */
export class DamagedPiece extends Error {}

/** Starts anew in `sink`. */
export function beginPiece(sink: ByteSink): void {
  sink.at = 0;
  sink.byte(VERSION);
}

/** What was written since `beginPiece`, until something else is. */
export function endPiece(sink: ByteSink): Uint8Array<ArrayBuffer> {
  const checksum = crc32(sink.bytes.subarray(0, sink.at));
  for (let byte = 0; byte < CHECKSUM_BYTES; byte++) sink.byte((checksum >>> (byte * 8)) & 255);
  return sink.view();
}

/** What lies between version and checksum. @throws {DamagedPiece} */
export function openPiece(bytes: Uint8Array): ByteSource {
  const end = bytes.length - CHECKSUM_BYTES;
  let checksum = 0;
  for (let byte = 0; byte < CHECKSUM_BYTES; byte++) checksum += (bytes[end + byte] ?? 0) * 256 ** byte;
  if (end < 1 || crc32(bytes.subarray(0, end)) !== checksum) {
    throw new DamagedPiece('the checksum of a run of trades is wrong');
  }
  const [version = 0] = bytes;
  if (version < FIRST_VERSION || version > VERSION) {
    throw new DamagedPiece(`a run of trades is of the unknown version ${version}`);
  }
  return new ByteSource(bytes, 1, end);
}

/** Whether a piece is of before the present version. */
export function isOfFirstVersion({ bytes }: ByteSource): boolean {
  return bytes[0] === FIRST_VERSION;
}

/** Runs what reads a piece. @throws {DamagedPiece} for bytes with a right checksum that nothing here wrote */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) {
      throw new DamagedPiece(`a run of trades cannot be read: ${error.message}`);
    }
    throw error;
  }
}
