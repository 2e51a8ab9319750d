/** The directory package that the desktop tests start, looked into. */
import { beforeAll, describe, expect, it } from 'vitest';
import { describeInspection, inspectPackage, type Inspection } from '../../build/check-package.ts';
import { FUSES } from '../../build/fuses.ts';
import type { TestPackage } from '../compat/build.ts';
import { lacking, testPackage } from './app.ts';

const why = lacking();

describe.skipIf(why !== null)(`the package${why === null ? '' : ` (${why})`}`, () => {
  let made: TestPackage;
  let inspection: Inspection;

  beforeAll(async () => {
    made = await testPackage();
    const place = { folder: made.folder, platform: process.platform, arch: process.arch };
    inspection = await inspectPackage(place, made);
    console.log(describeInspection(inspection));
  }, 300_000);

  it('has what the app needs, for this platform alone, and nothing else', () => {
    expect(inspection.findings).toEqual([]);
    expect(inspection.files.length).toBeGreaterThan(50);
  });

  it('has the fuses of electron-builder.yml in its program', () => {
    const set = FUSES.filter((fuse) => inspection.fuses.has(fuse)).map((fuse) => [
      fuse,
      made.fuses[fuse] === true ? 'on' : 'off',
    ]);
    expect([...inspection.fuses]).toEqual(set);
    // The inspector is for Playwright; the rest is as users get it.
    expect(made.fuses).toMatchObject({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      grantFileProtocolExtraPrivileges: false,
    });
    // The one that Electron has since 29 may be lacking in an older one, and no other.
    expect(['', 'grantFileProtocolExtraPrivileges']).toContain(inspection.lackingFuses.join());
  });
});
