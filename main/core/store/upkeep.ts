/** The main thread's handle on the rare and long works on a store that is not open here. */
import { join } from 'node:path';
import { sizeOf } from './disk.ts';
import { COMPACT_FILE, databaseFiles } from './files.ts';
import type { UpkeepRequests } from './requests.ts';
import type { StoreProgress } from './store.ts';
import { Thread } from './thread.ts';

/** How often the size of a file that is being made is looked at. */
const LOOK_MS = 500;

/**
 * Runs one of them in a thread of its own, so that this one can tell how far it is and be interrupted.
 *
 * @param script absolute path or file URL of upkeep-worker
 * @throws {QuipuError} kind `storage` or `not-found`
 */
export async function upkeep<N extends keyof UpkeepRequests>(
  work: N,
  folder: string,
  script: string | URL,
  tell: (progress: StoreProgress) => void,
): Promise<UpkeepRequests[N]['value']> {
  let timer: NodeJS.Timeout | undefined;
  const thread = new Thread<UpkeepRequests>('upkeep', script, (event) => {
    if (event.event !== 'progress') return;
    tell(event.progress);
    // SQLite writes the new file in one go and says nothing meanwhile.
    if (event.progress.task === 'compacting') timer ??= setInterval(() => tell(grown(folder)), LOOK_MS);
  });
  try {
    return await thread.call(work, { folder });
  } finally {
    clearInterval(timer);
    await thread.stop();
  }
}

/** The new file becomes as large as the old one at the most. */
function grown(folder: string): StoreProgress {
  const made = sizeOf(join(folder, COMPACT_FILE)) ?? 0;
  const whole = sizeOf(databaseFiles(folder).main) ?? 0;
  return { task: 'compacting', share: whole === 0 ? 0 : Math.min(0.99, made / whole) };
}
