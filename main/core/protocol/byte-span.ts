/** A stretch of bytes that is looked at where it lies, so that no string need be made of it. */
import { Wide } from './wide.ts';

export class ByteSpan {
  readonly memory: Wide;
  /** Offsets in the memory. */
  start = 0;
  end = 0;

  constructor(memory = new Wide()) {
    this.memory = memory;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Of bytes that are ASCII. */
  get text(): string {
    return this.end === this.start ? '' : this.memory.bytes.toString('latin1', this.start, this.end);
  }

  /** The UTF-8 of `text`, in memory of its own; only for a span that was given none. */
  write(text: string): this {
    const most = text.length * 3;
    if (this.memory.bytes.length < most) this.memory.over(Buffer.from(new ArrayBuffer(most * 2)));
    this.start = 0;
    this.end = this.memory.bytes.write(text, 'utf8');
    return this;
  }

  /** Whether the same bytes lie at `at`, in a memory that reaches so far. */
  isAt({ bytes, data }: Wide, at: number): boolean {
    const own = this.memory;
    const { start, end } = this;
    let from = start;
    for (; from + 4 <= end; from += 4) {
      if (own.data.getInt32(from, true) !== data.getInt32(at + from - start, true)) return false;
    }
    for (; from < end; from++) if (own.bytes[from] !== bytes[at + from - start]) return false;
    return true;
  }

  /** Copies the bytes, which must be UTF-8, to `at`; there must be room. */
  copyTo({ bytes, data }: Wide, at: number): void {
    const own = this.memory;
    const { start, end } = this;
    const ahead = at - start;
    let from = start;
    // As doubles: none is NaN, whose bits need not outlive a copy, since no UTF-8 has its first twelve bits.
    for (; from + 8 <= end; from += 8) data.setFloat64(ahead + from, own.data.getFloat64(from, true), true);
    if (from + 4 <= end) {
      data.setInt32(ahead + from, own.data.getInt32(from, true), true);
      from += 4;
    }
    for (; from < end; from++) bytes[ahead + from] = own.bytes[from] ?? 0;
  }

  /** A whole number of 32 bits that is the same for the same bytes and seed, and hard to foresee without it. */
  hash(seed: number): number {
    const { bytes, data } = this.memory;
    const { start, end } = this;
    let hash = seed ^ (end - start);
    let at = start;
    for (; at + 4 <= end; at += 4) hash = mix(hash, data.getInt32(at, true));
    for (; at < end; at++) hash = mix(hash, bytes[at] ?? 0);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }
}

/** As in MurmurHash3. */
function mix(hash: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e2d51);
  mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
  const turned = hash ^ mixed;
  return (Math.imul((turned << 13) | (turned >>> 19), 5) + 0xe6546b64) | 0;
}
