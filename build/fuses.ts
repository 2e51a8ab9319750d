/**
 * Electron's fuses as they stand in a program: switches of one byte each behind a mark, which the package
 * sets and nobody can set at run time. Read here without the library that set them.
 */
import { readFileSync } from 'node:fs';

const MARK = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX', 'latin1');
const VERSION = 1;

/** In the order of the wire, by the names that electron-builder.yml has for them. */
export const FUSES = [
  'runAsNode',
  'enableCookieEncryption',
  'enableNodeOptionsEnvironmentVariable',
  'enableNodeCliInspectArguments',
  'enableEmbeddedAsarIntegrityValidation',
  'onlyLoadAppFromAsar',
  'loadBrowserProcessSpecificV8Snapshot',
  'grantFileProtocolExtraPrivileges',
] as const;

export type Fuse = (typeof FUSES)[number];
/** `removed`: this Electron no longer has it. */
export type FuseState = 'on' | 'off' | 'removed';

const STATES: Readonly<Record<string, FuseState>> = { '0': 'off', '1': 'on', r: 'removed' };

/**
 * What stands in the program; a fuse that its Electron lacks is not in the answer.
 *
 * @param program the file that has Electron's code: on macOS the framework's, of which a universal one has two
 * @throws {Error} when there are none, or its parts do not agree
 */
export function readFuses(program: string): ReadonlyMap<Fuse, FuseState> {
  const bytes = readFileSync(program);
  const found: string[] = [];
  for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + 1)) {
    const [version, length = 0] = bytes.subarray(at + MARK.length);
    if (version !== VERSION) throw new Error(`${program} has fuses of version ${version}.`);
    const from = at + MARK.length + 2;
    found.push(bytes.toString('latin1', from, from + length));
  }
  const [wire, ...others] = found;
  if (wire === undefined) throw new Error(`${program} has no fuses.`);
  if (others.some((each) => each !== wire)) throw new Error(`The parts of ${program} have different fuses.`);
  const known = FUSES.slice(0, wire.length);
  return new Map(known.map((fuse, index) => [fuse, stateOf(wire[index] ?? '', program)]));
}

function stateOf(byte: string, program: string): FuseState {
  const state = STATES[byte];
  if (state === undefined) throw new Error(`${program} has a fuse in an unknown state (${byte}).`);
  return state;
}
