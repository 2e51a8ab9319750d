/** The thread of what takes long and is rare: a check, and what must be alone with a store. */
import { QuipuError } from '../result.ts';
import { checkStore } from './check.ts';
import { compact, noStore, takeAlone } from './compact.ts';
import { replace } from './database.ts';
import { sizeOf } from './disk.ts';
import { storageError } from './errors.ts';
import { databaseFiles } from './files.ts';
import type { UpkeepRequests } from './requests.ts';
import { serve, tell } from './serve.ts';
import { SlowQueries } from './slow-queries.ts';
import type { StoreProgress } from './store.ts';

const progress = (progress: StoreProgress): void => tell({ event: 'progress', progress });
// What it does is slow by nature.
const queries = new SlowQueries(Infinity);

serve<UpkeepRequests>(
  {
    check: ({ folder }) => checkStore(folder, (share) => progress({ task: 'checking', share })),
    compact: ({ folder }) => compact(folder, progress),
    salvage({ folder }) {
      if (sizeOf(databaseFiles(folder).main) === null) throw noStore(folder);
      const lock = takeAlone(folder);
      try {
        return replace(folder, Date.now(), progress);
      } finally {
        lock.release();
      }
    },
  },
  (thrown) => (thrown instanceof QuipuError ? thrown : storageError(thrown, '')),
  () => queries,
);
