/** Tells in time that the disk of the store is about to be full: once, until there was room again. */
import type { StoreState } from './contract.ts';
import type { AppError } from './result.ts';

const LOW_BYTES = 500e6;
/** Of a small disk. */
const LOW_SHARE = 0.05;
/** Room that comes and goes about the limit is told once. */
const ROOM_AGAIN = 1.2;

export class LowDisk {
  #told: AppError | null = null;

  /** @returns what the user must know from now on; null: that this is over; undefined: nothing new */
  take({ disk, folder, free }: Pick<StoreState, 'disk' | 'folder' | 'free'>): AppError | null | undefined {
    if (free === null) return undefined;
    const low = Math.min(LOW_BYTES, (disk ?? Infinity) * LOW_SHARE);
    if (this.#told === null) {
      if (free >= low) return undefined;
      this.#told = {
        kind: 'storage',
        message: `Only ${Math.floor(free / 1e6)} MB are free on the disk of ${folder}: recording stops when it is full.`,
        action: 'Free some space there, or keep less (Settings, Storage).',
      };
      return this.#told;
    }
    if (free < low * ROOM_AGAIN) return undefined;
    this.#told = null;
    return null;
  }

  /** What was told last, while it holds. */
  get told(): AppError | null {
    return this.#told;
  }
}
