/** How this Quipu came onto the computer, which decides whether it can update itself. */

export type Installation =
  /** It can replace itself when it quits; on Linux its AppImage is replaced. */
  | { readonly kind: 'installs'; readonly appImage: string | null }
  /** It can only say that there is a newer one; `how` says what the user is to do with that. */
  | { readonly kind: 'tells'; readonly how: string; readonly extension: string | null }
  /** Not a package: whoever runs the source updates the source. */
  | { readonly kind: 'source' };

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly isPackaged: boolean;
  /** The running program. */
  readonly program: string;
  /** The AppImage that the program is part of. */
  readonly appImage: string | undefined;
  /** What packers of Linux leave in `resources/package-type`; null: nothing. */
  readonly packageType: string | null;
  /** Whether the installer's own uninstaller lies beside the program. */
  readonly hasUninstaller: boolean;
}

const INSTALLS: Installation = { kind: 'installs', appImage: null };

export function installationOf(at: Surroundings): Installation {
  if (!at.isPackaged) return { kind: 'source' };
  if (at.platform === 'win32') {
    return at.hasUninstaller
      ? INSTALLS
      : tells('This copy was unpacked, not installed: get the installer, and run it.', 'exe');
  }
  if (at.platform === 'darwin') {
    const isFixed = at.program.startsWith('/Volumes/') || at.program.includes('/AppTranslocation/');
    return isFixed
      ? tells(
          'Quipu runs where it cannot be replaced: move it into Applications, and start it from there.',
          'dmg',
        )
      : INSTALLS;
  }
  const type = at.packageType?.trim() ?? '';
  if (type === 'deb' || type === 'rpm')
    return tells(
      `Quipu was installed by the system’s package manager, and only an administrator may replace it: get the ${type} package, and install it.`,
      type,
    );
  if (at.appImage !== undefined) return { kind: 'installs', appImage: at.appImage };
  return tells('This copy was unpacked, not installed: get the new package, and use it instead.', null);
}

function tells(how: string, extension: string | null): Installation {
  return { kind: 'tells', how, extension };
}
