/**
 * `npm run package`: the packages of this platform, in dist/, each part inspected. With `-- --dir` the
 * unpacked folder alone, `-- deb rpm` and the like some of them. Electron comes from the internet, or from
 * the folder that ELECTRON_OVERRIDE_DIST_PATH names.
 */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Arch, build, type Configuration, DIR_TARGET, Platform } from 'electron-builder';
import { makeAppIcons } from './app-icons.ts';
import { assertNode } from './assert-node.ts';
import { bundleAll } from './bundle.ts';
import { describeInspection, inspectPackage } from './check-package.ts';
import { loadConfiguration } from './configuration.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MB = 1024 * 1024;
/** A download. Electron compressed is about 110 MB of it. */
const MAX_ARTIFACT = 200 * MB;

const TARGETS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['dmg', 'zip'],
  win32: ['nsis'],
  linux: ['AppImage', 'deb', 'rpm'],
};

/** The maintainer and the site that a package of a Linux distribution must name. */
const MAINTAINER = 'QUIPU_PACKAGE_MAINTAINER';
const SITE = 'QUIPU_PACKAGE_SITE';

/**
 * Builds as `configuration` says. The files that it names in out/ must be there.
 *
 * @param targets electron-builder's names; none: the unpacked folder alone
 * @returns the files that came out besides that folder
 */
export async function buildPackage(
  configuration: Configuration,
  targets: readonly string[] = [],
): Promise<readonly string[]> {
  // By a file: of a configuration that is handed over, electron-builder reads electron-builder.yml first.
  const file = join(ROOT, 'out', `electron-builder-${process.pid}.json`);
  writeFileSync(file, JSON.stringify(configuration));
  try {
    return await build({
      projectDir: ROOT,
      config: file,
      publish: 'never',
      targets: Platform.current().createTarget(targets.length === 0 ? DIR_TARGET : [...targets], hostArch()),
    });
  } finally {
    rmSync(file, { force: true });
  }
}

/** keytar is built for the machine that builds, so a package is for that machine's processor. */
function hostArch(): Arch {
  if (process.arch === 'x64') return Arch.x64;
  if (process.arch === 'arm64') return Arch.arm64;
  throw new Error(`There are no packages for ${process.arch}.`);
}

/** Where electron-builder puts the unpacked folder. */
export function unpackedFolder(output: string): string {
  const arch = process.arch === 'x64' ? '' : `-${process.arch}`;
  if (process.platform === 'darwin') return join(output, `mac${arch}`);
  return join(output, `${process.platform === 'win32' ? 'win' : 'linux'}${arch}-unpacked`);
}

/** What the environment says of who builds; for `deb` and `rpm` it must. @throws {Error} */
export function withPublisher(
  configuration: Configuration,
  targets: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Configuration {
  const [maintainer, homepage] = [env[MAINTAINER], env[SITE]];
  const needing = targets.filter((each) => each === 'deb' || each === 'rpm');
  if (needing.length > 0 && (!maintainer || !homepage)) {
    throw new Error(
      `${needing.join(' and ')} must name who answers for the package: set ${MAINTAINER} ("Name <address>") and ${SITE} (https://...), or build others (npm run package -- AppImage).`,
    );
  }
  return {
    ...configuration,
    ...(homepage && { extraMetadata: { homepage } }),
    linux: { ...configuration.linux, ...(maintainer && { maintainer, vendor: maintainer }) },
  };
}

/** An Electron that lies here already. */
function withElectron(configuration: Configuration): Configuration {
  const electronDist = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  return electronDist ? { ...configuration, electronDist } : configuration;
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const own = TARGETS[process.platform] ?? [];
  const asked = args.filter((each) => each !== '--dir');
  const unknown = asked.find((each) => !own.includes(each));
  if (own.length === 0 || unknown !== undefined) {
    console.error(`${unknown ?? 'A package'} is not built on ${process.platform}; known: ${own.join(', ')}.`);
    return 2;
  }
  const targets = args.includes('--dir') ? [] : asked.length > 0 ? asked : own;
  const configuration = withElectron(withPublisher(await loadConfiguration(), targets));
  await bundleAll();
  makeAppIcons();
  const artifacts = await buildPackage(configuration, targets);
  const folder = unpackedFolder(join(ROOT, configuration.directories?.output ?? 'dist'));
  const inspection = await inspectPackage({ folder, platform: process.platform, arch: process.arch });
  console.log(describeInspection(inspection));
  const large = artifacts.filter((file) => statSync(file).size > MAX_ARTIFACT);
  for (const file of artifacts) console.log(`${basename(file)}: ${(statSync(file).size / MB).toFixed(1)} MB`);
  for (const file of large) console.log(`WRONG: ${basename(file)} is larger than ${MAX_ARTIFACT / MB} MB`);
  return inspection.findings.length + large.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  assertNode();
  process.exitCode = await main(process.argv.slice(2));
}
