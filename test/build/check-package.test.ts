import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectPackage } from '../../build/check-package.ts';
import { readFuses } from '../../build/fuses.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { fusedProgram, makePackage, nativeHead, type Spoilt, WANTED } from './package-support.ts';

let temporary: TemporaryFolder;
beforeEach(() => {
  temporary = temporaryFolder();
});
afterEach(() => temporary.remove());

async function findings(folder: string): Promise<readonly string[]> {
  const inspection = await inspectPackage({ folder, platform: 'linux', arch: 'x64' }, { fuses: WANTED });
  return inspection.findings;
}

describe('the inspection of a package', () => {
  it('finds nothing in one that is as it should be', async () => {
    expect(await findings(await makePackage(temporary.path))).toEqual([]);
  });

  const SPOILT: readonly (readonly [what: string, spoilt: Spoilt, finding: string])[] = [
    ['a source map', { files: { 'out/main/main.cjs.map': '{}' } }, 'out/main/main.cjs.map is a source map.'],
    [
      'a source map inside a bundle',
      { files: { 'out/main/main.cjs': '//# sourceMappingURL=data:application/json,e30' } },
      'out/main/main.cjs has a source map in it.',
    ],
    ['TypeScript', { files: { 'out/main/main.ts': '' } }, 'out/main/main.ts is TypeScript.'],
    [
      'declarations',
      { files: { 'node_modules/keytar/keytar.d.ts': '' } },
      'node_modules/keytar/keytar.d.ts is TypeScript.',
    ],
    ['a test', { files: { 'node_modules/ws/test/all.js': '' } }, 'node_modules/ws/test/all.js is a test.'],
    [
      'a build tool',
      { files: { 'node_modules/vite/index.js': '' } },
      'node_modules/vite/index.js is a build tool.',
    ],
    [
      'a package that nothing loads',
      { files: { 'node_modules/left-pad/index.js': '' } },
      'node_modules/left-pad/index.js is none of the files that the app is made of.',
    ],
    [
      'what a native module is made of',
      { files: { 'node_modules/better-sqlite3/deps/sqlite3.c': '' } },
      'node_modules/better-sqlite3/deps/sqlite3.c is a source of native code.',
    ],
    [
      'the library of another system',
      { files: { 'node_modules/better-sqlite3/prebuilds/darwin-arm64.node': nativeHead('darwin', 'arm64') } },
      'resources/app.asar.unpacked/node_modules/better-sqlite3/prebuilds/darwin-arm64.node is for darwin.',
    ],
    [
      'the library of Windows under a name of ours',
      { files: { 'node_modules/keytar/build/Release/keytar.node': nativeHead('win32', 'x64') } },
      'resources/app.asar.unpacked/node_modules/keytar/build/Release/keytar.node is for win32.',
    ],
    [
      'the library of another processor',
      { files: { 'node_modules/better-sqlite3/prebuilds/linux-x64.node': nativeHead('linux', 'arm64') } },
      'resources/app.asar.unpacked/node_modules/better-sqlite3/prebuilds/linux-x64.node is for arm64.',
    ],
    [
      'a program that hides in the archive',
      { files: { 'node_modules/ws/lib/tool.js': nativeHead('linux', 'x64') } },
      'node_modules/ws/lib/tool.js is native, and lies in the archive.',
    ],
    [
      'a file that is too large',
      { files: { 'out/renderer/assets/film.png': Buffer.alloc(9 * 1024 * 1024) } },
      'The archive has 9.0 MB, more than 8.0 MB.',
    ],
    ['no page', { leftOut: ['out/renderer/index.html'] }, 'out/renderer/index.html is missing.'],
    [
      'no keychain',
      { leftOut: ['node_modules/keytar/build/Release/keytar.node'] },
      'node_modules/keytar/build/Release/keytar.node is missing.',
    ],
    [
      'no program that asks the keychain',
      { leftOut: ['out/main/keytar-process.cjs'] },
      'out/main/keytar-process.cjs is missing.',
    ],
    [
      'a keychain that is no library',
      { files: { 'node_modules/keytar/build/Release/keytar.node': 'not built' } },
      'node_modules/keytar/build/Release/keytar.node is no native library.',
    ],
    ['no licences', { leftOut: ['out/renderer/licences.txt'] }, 'out/renderer/licences.txt is missing.'],
    [
      'licences that leave out what is shipped',
      { files: { 'out/renderer/licences.txt': 'better-sqlite3 1.0.0 (MIT)\nws 1.0.0 (MIT)\nSee keytar 1.' } },
      'out/renderer/licences.txt has no licence of keytar.',
    ],
    [
      'the scripts of development',
      { files: { 'package.json': '{"scripts":{"test":"x"}}' } },
      'package.json still has scripts.',
    ],
    ['a fuse that is not set', { wire: '10000000' }, 'The fuse runAsNode is on.'],
  ];

  it.each(SPOILT)('finds %s, and nothing else', async (_what, spoilt, finding) => {
    expect(await findings(await makePackage(temporary.path, spoilt))).toEqual([finding]);
  });

  it('finds what was changed after the archive was made', async () => {
    const folder = await makePackage(temporary.path, { files: { 'out/main/main.cjs': 'const whole = 1;' } });
    const archive = join(folder, 'resources', 'app.asar');
    const changed = readFileSync(archive, 'latin1').replace('whole = 1', 'whole = 2');
    writeFileSync(archive, changed, 'latin1');
    const addon = 'node_modules/keytar/build/Release/keytar.node';
    appendFileSync(join(`${archive}.unpacked`, addon), 'x');
    expect(await findings(folder)).toEqual([
      `${addon} is not what the archive’s header says.`,
      'out/main/main.cjs is not what the archive’s header says.',
    ]);
  });

  it('finds what the archive names and does not lie beside it', async () => {
    const folder = await makePackage(temporary.path);
    rmSync(join(folder, 'resources', 'app.asar.unpacked', 'node_modules', 'keytar'), { recursive: true });
    expect(await findings(folder)).toEqual(['node_modules/keytar/build/Release/keytar.node is missing.']);
  });

  it('finds what lies beside the archive', async () => {
    const folder = await makePackage(temporary.path);
    const resources = join(folder, 'resources');
    mkdirSync(join(resources, 'app.asar.unpacked', 'extra'));
    writeFileSync(join(resources, 'app.asar.unpacked', 'extra', 'run.sh'), '');
    writeFileSync(join(resources, 'default_app.asar'), '');
    writeFileSync(join(folder, 'helper.exe'), nativeHead('win32', 'x64'));
    rmSync(join(resources, 'CHANGELOG.md'));
    expect(await findings(folder)).toEqual([
      'extra/run.sh lies beside the archive unnamed.',
      'CHANGELOG.md is missing.',
      'default_app.asar is Electron’s sample, not ours.',
      'helper.exe is for win32.',
    ]);
  });

  it('says which fuses an older Electron lacks, and that electron-builder.yml names all others', async () => {
    const folder = await makePackage(temporary.path, { wire: '0000000' });
    const place = { folder, platform: 'linux', arch: 'x64' } as const;
    const old = await inspectPackage(place, { fuses: WANTED });
    expect(old.findings).toEqual([]);
    expect(old.lackingFuses).toEqual(['grantFileProtocolExtraPrivileges']);
    const { runAsNode, ...others } = WANTED;
    expect(runAsNode).toBe(false);
    const forgotten = await inspectPackage(place, { fuses: others });
    expect(forgotten.findings).toEqual([
      'electron-builder.yml does not say how the fuse runAsNode is to be.',
    ]);
  });
});

describe('fuses', () => {
  it('are read in their order, with those that were removed', () => {
    const program = join(temporary.path, 'program');
    writeFileSync(program, fusedProgram('01r'));
    expect([...readFuses(program)]).toEqual([
      ['runAsNode', 'off'],
      ['enableCookieEncryption', 'on'],
      ['enableNodeOptionsEnvironmentVariable', 'removed'],
    ]);
  });

  it('are the same in both halves of a universal program, or it is refused', () => {
    const program = join(temporary.path, 'program');
    writeFileSync(program, Buffer.concat([fusedProgram('01'), fusedProgram('01')]));
    expect(readFuses(program).get('enableCookieEncryption')).toBe('on');
    writeFileSync(program, Buffer.concat([fusedProgram('01'), fusedProgram('00')]));
    expect(() => readFuses(program)).toThrow('different fuses');
    writeFileSync(program, 'no program');
    expect(() => readFuses(program)).toThrow('has no fuses');
  });
});
