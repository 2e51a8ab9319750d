/** The desktop's log: `logs/quipu.log` in the data folder, since a desktop app has no terminal. */
import { appendFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger, LogLevel } from '../core/ports.ts';
import { cleanWords } from '../core/protocol/words.ts';

/** With two older files beside it: 6 MB in all. */
const MAX_BYTES = 2 * 1024 * 1024;
const OLDER = 2;
/** Lines that may wait for a slow disk; the log says how many more there were. */
const MAX_WAITING = 2_000;
const MAX_LINE = 2_000;

export interface FileLog extends Logger {
  /** Resolves when all that was logged is written. Never rejects. */
  flush(): Promise<void>;
}

/** What is `debug` is left out. A log that cannot be written is not worth ending the app for. */
export function openLog(folder: string): FileLog {
  const path = join(folder, 'quipu.log');
  let waiting: string[] = [];
  let leftOut = 0;
  let writing: Promise<void> | null = null;
  let size: number | null = null;

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      if (leftOut > 0) lines.push(line('warn', `${leftOut} lines were left out: the disk is too slow`));
      leftOut = 0;
      const text = lines.join('');
      if (size === null) {
        await mkdir(folder, { recursive: true });
        size = await sizeOf(path);
      }
      if (size > MAX_BYTES) {
        await rotate(path);
        size = 0;
      }
      await appendFile(path, text, { mode: 0o600 });
      size += Buffer.byteLength(text);
    }
  }

  function flush(): Promise<void> {
    writing ??= write()
      .catch((error: unknown) => {
        process.stderr.write(`The log ${path} cannot be written: ${String(error)}\n`);
      })
      .finally(() => {
        writing = null;
      });
    return writing;
  }

  return {
    log(level, message, detail) {
      if (level === 'debug') return;
      if (waiting.length >= MAX_WAITING) {
        leftOut++;
        return;
      }
      waiting.push(line(level, message, detail));
      void flush();
    },
    flush,
  };
}

function line(level: LogLevel, message: string, detail?: Readonly<Record<string, unknown>>): string {
  const more = detail === undefined ? '' : ` ${JSON.stringify(detail)}`;
  return `${new Date().toISOString()} ${level} ${cleanWords(message + more, MAX_LINE)}\n`;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** quipu.log to quipu.log.1, that to quipu.log.2, whose content is given up. */
async function rotate(path: string): Promise<void> {
  await rm(`${path}.${OLDER}`, { force: true });
  for (let age = OLDER - 1; age >= 0; age--) {
    const from = age === 0 ? path : `${path}.${age}`;
    if ((await sizeOf(from)) > 0) await rename(from, `${path}.${age + 1}`);
  }
}
