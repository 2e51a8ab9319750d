/** When the computer is kept from sleeping, and whether it is on mains. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Power {
  /** The user asked for it. */
  readonly isAsked: boolean;
  readonly isRecording: boolean;
  readonly isOnMains: boolean;
}

export function keepsAwake({ isAsked, isRecording, isOnMains }: Power): boolean {
  return isAsked && isRecording && isOnMains;
}

/**
 * Linux: what the kernel tells of mains adapters, since Electron does not tell of it there. A computer
 * without one and without a battery, as most desktops are, is on mains.
 *
 * @param folder /sys/class/power_supply, or one like it
 */
export function isOnMains(folder: string): boolean {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return true;
  }
  const read = (name: string, field: string): string => {
    try {
      return readFileSync(join(folder, name, field), 'utf8').trim();
    } catch {
      return '';
    }
  };
  const mains = names.filter((name) => read(name, 'type') === 'Mains' || read(name, 'type') === 'USB');
  if (mains.some((name) => read(name, 'online') === '1')) return true;
  // A mouse has a battery too, which is not of the computer: its scope says so.
  const batteries = names.filter(
    (name) => read(name, 'type') === 'Battery' && read(name, 'scope') !== 'Device',
  );
  return batteries.every((name) => ['Charging', 'Full', 'Not charging'].includes(read(name, 'status')));
}
