/** What is in an asar archive, and whether each file is as its header says. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ArchivedFile {
  /** From the archive's root, with `/`. */
  readonly path: string;
  readonly bytes: Buffer;
  /** It lies beside the archive, in a folder of its own name with `.unpacked`. */
  readonly isUnpacked: boolean;
  /** The header has its SHA-256, and it is that. */
  readonly isWhole: boolean;
}

export interface Archive {
  readonly files: readonly ArchivedFile[];
  /** What should lie beside the archive, and does not. */
  readonly lacking: readonly string[];
  /** SHA-256 of the header, in hex: what Electron compares before it loads anything. */
  readonly headerHash: string;
}

interface Entry {
  readonly files?: Readonly<Record<string, Entry>>;
  readonly link?: string;
  readonly size?: number;
  readonly offset?: string;
  readonly unpacked?: boolean;
  readonly integrity?: { readonly algorithm: string; readonly hash: string };
}

/** The header's JSON is a string of a pickle of a pickle: its length is the fourth number. */
const LENGTH_AT = 12;
const JSON_AT = 16;

/** @throws {Error} for a file that is no archive, or that has links, which no package of ours needs */
export function readArchive(path: string): Archive {
  const archive = readFileSync(path);
  const json = archive.toString('utf8', JSON_AT, JSON_AT + archive.readUInt32LE(LENGTH_AT));
  // The second number is the length of what follows the first two; files begin behind that.
  const start = 8 + archive.readUInt32LE(4);
  const files: ArchivedFile[] = [];
  const lacking: string[] = [];
  const walk = (entry: Entry, at: string): void => {
    if (entry.link !== undefined) throw new Error(`${at} is a link to ${entry.link}.`);
    if (entry.files !== undefined) {
      for (const [name, child] of Object.entries(entry.files))
        walk(child, at === '' ? name : `${at}/${name}`);
      return;
    }
    const isUnpacked = entry.unpacked === true;
    const beside = join(`${path}.unpacked`, at);
    if (isUnpacked && !existsSync(beside)) {
      lacking.push(at);
      return;
    }
    const from = start + Number(entry.offset ?? 0);
    const bytes = isUnpacked ? readFileSync(beside) : archive.subarray(from, from + (entry.size ?? 0));
    const hash = createHash('sha256').update(bytes).digest('hex');
    const isWhole = entry.integrity?.algorithm === 'SHA256' && entry.integrity.hash === hash;
    files.push({ path: at, bytes, isUnpacked, isWhole });
  };
  walk(JSON.parse(json) as Entry, '');
  return { files, lacking, headerHash: createHash('sha256').update(json).digest('hex') };
}
