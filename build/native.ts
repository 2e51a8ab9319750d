/** For which system and processor a native file is, by its first bytes. */

export interface Native {
  readonly platform: 'linux' | 'darwin' | 'win32';
  /** As Node names it; several for a universal file; empty when it is none of ours. */
  readonly archs: readonly string[];
}

const ELF: Readonly<Record<number, string>> = { 0x3e: 'x64', 0xb7: 'arm64' };
const PE: Readonly<Record<number, string>> = { 0x8664: 'x64', 0xaa64: 'arm64' };
const MACH: Readonly<Record<number, string>> = { 0x0100_0007: 'x64', 0x0100_000c: 'arm64' };
/** More are not in a universal file; a Java class, which begins alike, has a larger number there. */
const MAX_SLICES = 8;

/** As much of a file's head as is looked at. */
export const NATIVE_HEAD = 4096;

/** null: no native file. */
export function nativeOf(head: Buffer): Native | null {
  if (head.length < 64) return null;
  const first = head.readUInt32BE(0);
  if (first === 0x7f45_4c46) return { platform: 'linux', archs: named(ELF, head.readUInt16LE(18)) };
  if (first === 0xcffa_edfe) return { platform: 'darwin', archs: named(MACH, head.readUInt32LE(4)) };
  if (first === 0xcafe_babe && head.readUInt32BE(4) <= MAX_SLICES) {
    const slices = Array.from({ length: head.readUInt32BE(4) }, (_, index) => 8 + 20 * index);
    const inHead = slices.filter((at) => at + 4 <= head.length);
    return { platform: 'darwin', archs: inHead.flatMap((at) => named(MACH, head.readUInt32BE(at))) };
  }
  if (head.toString('latin1', 0, 2) !== 'MZ') return null;
  const at = head.readUInt32LE(60);
  const isProgram = at + 6 <= head.length && head.toString('latin1', at, at + 4) === 'PE\0\0';
  return isProgram ? { platform: 'win32', archs: named(PE, head.readUInt16LE(at + 4)) } : null;
}

function named(names: Readonly<Record<number, string>>, code: number): string[] {
  const name = names[code];
  return name === undefined ? [] : [name];
}
