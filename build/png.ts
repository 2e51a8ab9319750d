/** PNG as the app's pictures have it: 8 bits each of red, green, blue and alpha, not interlaced. */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

/** Rows from the top, four bytes a pixel: red, green, blue, alpha; colours not multiplied by alpha. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BYTES = 4;

/** @throws {Error} for a file that is no such PNG */
export function decodePng(file: Uint8Array): Picture {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new Error('This is no PNG.');
  let width = 0;
  let height = 0;
  const packed: Buffer[] = [];
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = body.readUInt32BE(0);
      height = body.readUInt32BE(4);
      const [depth, colours, , , interlaced] = body.subarray(8);
      if (depth !== 8 || colours !== 6 || interlaced !== 0)
        throw new Error('This PNG is not of 8-bit RGBA without interlacing.');
    } else if (type === 'IDAT') packed.push(body);
    at += 12 + length;
  }
  return { width, height, pixels: unfilter(inflateSync(Buffer.concat(packed)), width, height) };
}

/** Each row is kept as the difference from what its first byte names: left, above, their mean or Paeth's choice. */
function unfilter(raw: Uint8Array, width: number, height: number): Uint8Array {
  const stride = width * BYTES;
  if (raw.length !== (stride + 1) * height) throw new Error('This PNG is cut off.');
  const pixels = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const to = y * stride + x;
      const left = x < BYTES ? 0 : (pixels[to - BYTES] ?? 0);
      const above = y === 0 ? 0 : (pixels[to - stride] ?? 0);
      const corner = x < BYTES || y === 0 ? 0 : (pixels[to - stride - BYTES] ?? 0);
      pixels[to] = (raw[y * (stride + 1) + 1 + x] ?? 0) + predicted(filter, left, above, corner);
    }
  }
  return pixels;
}

function predicted(filter: number | undefined, left: number, above: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) throw new Error('This PNG has a filter that is not known.');
  const [toLeft, toAbove, toCorner] = [left, above, corner].map((each) =>
    Math.abs(left + above - corner - each),
  ) as [number, number, number];
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

export function encodePng({ width, height, pixels }: Picture): Buffer {
  const stride = width * BYTES;
  const raw = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    raw.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const packed = deflateSync(raw, { level: 9 });
  return Buffer.concat([
    SIGNATURE,
    part('IHDR', header),
    part('IDAT', packed),
    part('IEND', Buffer.alloc(0)),
  ]);
}

function part(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/**
 * A square picture made smaller: each pixel is the mean of the area that it covers, its colours weighted by
 * alpha, so that what is transparent darkens no edge.
 *
 * @param size of the result's sides, in pixels; at most the picture's
 */
export function shrink(picture: Picture, size: number): Picture {
  if (picture.width !== picture.height) throw new Error('The picture is not square.');
  if (size > picture.width) throw new Error(`A picture of ${picture.width} pixels makes none of ${size}.`);
  const scale = picture.width / size;
  const pixels = new Uint8Array(size * size * BYTES);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++)
      pixels.set(meanOf(picture, x * scale, y * scale, scale), (y * size + x) * BYTES);
  }
  return { width: size, height: size, pixels };
}

function meanOf({ width, pixels }: Picture, left: number, top: number, side: number): number[] {
  const sums = [0, 0, 0];
  let alphas = 0;
  for (let y = Math.floor(top); y < top + side - 1e-9; y++) {
    const tall = Math.min(y + 1, top + side) - Math.max(y, top);
    for (let x = Math.floor(left); x < left + side - 1e-9; x++) {
      const wide = Math.min(x + 1, left + side) - Math.max(x, left);
      const at = (y * width + x) * BYTES;
      const alpha = (pixels[at + 3] ?? 0) * tall * wide;
      alphas += alpha;
      for (let colour = 0; colour < 3; colour++) {
        sums[colour] = (sums[colour] ?? 0) + (pixels[at + colour] ?? 0) * alpha;
      }
    }
  }
  if (alphas === 0) return [0, 0, 0, 0];
  return [...sums.map((sum) => Math.round(sum / alphas)), Math.round(alphas / (side * side))];
}
