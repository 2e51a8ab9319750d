/**
 * Takes the whole text frames out of what a server sends, ahead of ws, which spends more on each than
 * the decoder does. All else (control frames, fragments, binary, frames that two packets share) is left
 * to ws, and so is every judgement: from the first byte that ws would refuse, all of it is.
 */

const FIN = 0x80;
const MASKED = 0x80;
const CONTINUATION = 0x00;
const TEXT = 0x01;
const BINARY = 0x02;
const CLOSE = 0x08;
const PONG = 0x0a;
/** The longest header of a frame that is not masked. */
const HEADER = 10;

export interface FrameParts {
  /** The payload of one text frame, which lies from `start` up to `end` in the packet. */
  text(packet: Buffer, start: number, end: number): void;
  /** What ws is to read: these bytes, in the order in which they came. */
  rest(bytes: Buffer): void;
}

export class FrameSplitter {
  readonly #limit: number;
  readonly #parts: FrameParts;
  /** Of the frame that ws is being given: bytes of the payload that are still to come. */
  #owed = 0;
  /** Of a header that two packets share: what ws was given of it. */
  readonly #header = Buffer.alloc(HEADER);
  #held = 0;
  #fragmented = false;
  /** ws tells of an error only after the packet, so behind what might be one all of the packet is for ws. */
  #doubtful = false;
  /** The rest of the connection is for ws. */
  #ended = false;

  /** @param limit payloads that are longer, in bytes, are left to ws */
  constructor(limit: number, parts: FrameParts) {
    this.#limit = limit;
    this.#parts = parts;
  }

  push(packet: Buffer): void {
    const { length } = packet;
    // Only whole messages are judged by now.
    this.#doubtful &&= this.#fragmented || this.#owed > 0;
    /** From here on ws was not given the packet. */
    let from = 0;
    let at = 0;
    while (at < length && !this.#ended) {
      if (this.#owed > 0) {
        const part = Math.min(this.#owed, length - at);
        this.#owed -= part;
        at += part;
        continue;
      }
      if (this.#held > 0 || length - at < HEADER) {
        at = this.#shared(packet, at);
        continue;
      }
      const size = headerSize(packet, at);
      const payload = payloadLength(packet, at);
      const end = at + size + payload;
      if (
        packet[at] === (FIN | TEXT) &&
        end <= length &&
        payload > 0 &&
        payload <= this.#limit &&
        !this.#doubtful
      ) {
        if (at > from) this.#parts.rest(packet.subarray(from, at));
        this.#parts.text(packet, at + size, end);
        at = end;
        from = end;
        continue;
      }
      this.#begin(packet, at, payload);
      at += size;
    }
    if (from < length) this.#parts.rest(from === 0 ? packet : packet.subarray(from));
  }

  /** A header byte by byte, as packets cut it; gives the place behind what was read. */
  #shared(packet: Buffer, at: number): number {
    const header = this.#header;
    while (at < packet.length) {
      header[this.#held++] = packet[at++] ?? 0;
      if (this.#held < 2 || this.#held < headerSize(header, 0)) continue;
      this.#held = 0;
      this.#begin(header, 0, payloadLength(header, 0));
      break;
    }
    return at;
  }

  /** ws is given the frame whose header is at `at`. */
  #begin(bytes: Buffer, at: number, payload: number): void {
    const first = bytes[at] ?? 0;
    const opcode = first & 0x0f;
    const final = (first & FIN) !== 0;
    const control = opcode > CLOSE && opcode <= PONG && final && payload < 126;
    const data = this.#fragmented ? opcode === CONTINUATION : opcode === TEXT || opcode === BINARY;
    const masked = ((bytes[at + 1] ?? 0) & MASKED) !== 0;
    // A goodbye ends all; so does what ws refuses.
    this.#ended = (first & 0x70) !== 0 || masked || payload > this.#limit || !(control || data);
    if (data) this.#fragmented = !final;
    this.#doubtful ||= this.#fragmented;
    this.#owed = payload;
  }
}

function headerSize(bytes: Buffer, at: number): number {
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  return short < 126 ? 2 : short === 126 ? 4 : HEADER;
}

function payloadLength(bytes: Buffer, at: number): number {
  // With the mask's bit it is 128 or more: 0, which no frame that is taken has.
  const short = bytes[at + 1] ?? 0;
  if (short < 126) return short;
  if (short === 126) return bytes.readUInt16BE(at + 2);
  return short === 127 ? bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6) : 0;
}
