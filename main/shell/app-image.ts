/** The AppImage that a program of Linux is part of. */
import { realpathSync } from 'node:fs';
import { posix } from 'node:path';

/**
 * The AppImage's own file, as its starter names it (APPIMAGE); undefined: the program is part of none. Whatever
 * an AppImage starts inherits that name, so the program must lie where this one is mounted (APPDIR).
 *
 * @param program the running program's own path, without links
 */
export function ownAppImage(
  env: Readonly<Record<string, string | undefined>>,
  program: string,
): string | undefined {
  const { APPIMAGE: file, APPDIR: folder } = env;
  if (file === undefined || folder === undefined || !posix.isAbsolute(file)) return undefined;
  try {
    return program.startsWith(`${realpathSync(folder)}/`) ? file : undefined;
  } catch {
    return undefined;
  }
}
