/** What electron-builder.yml says, judged by electron-builder; the packages themselves need their platforms. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Configuration } from 'electron-builder';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../build/configuration.ts';
import { APP_ID } from '../../main/shell/launch.ts';
import { FUSES } from '../../build/fuses.ts';
import { withPublisher } from '../../build/package.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { entryOf, linuxPackages, type Packed, PUBLISHER } from './linux-packages.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

let folder: TemporaryFolder;
let configuration: Configuration;
beforeAll(async () => {
  folder = temporaryFolder();
  configuration = await loadConfiguration();
});
afterAll(() => folder.remove());

describe('electron-builder.yml', () => {
  it('is valid by electron-builder’s own schema, which refuses another', async () => {
    expect(configuration.appId).toBe(APP_ID);
    const wrong = join(folder.path, 'wrong.yml');
    writeFileSync(wrong, 'nsis:\n  perMashine: false\n');
    await expect(loadConfiguration(wrong)).rejects.toThrow('configuration.nsis');
  });

  it('names each platform’s packages', () => {
    const targets = [configuration.mac, configuration.win, configuration.linux].map((each) => each?.target);
    expect(targets).toEqual([['dmg', 'zip'], ['nsis'], ['AppImage', 'deb', 'rpm']]);
    expect(configuration.mac).toMatchObject({ hardenedRuntime: true });
    expect(configuration.nsis).toMatchObject({
      oneClick: true,
      perMachine: false,
      deleteAppDataOnUninstall: false,
    });
  });

  it('has files for what it names, and no secret', () => {
    const { mac, nsis, afterExtract } = configuration;
    const named = [mac?.entitlements, mac?.entitlementsInherit, nsis?.include, afterExtract];
    expect(named.filter((file) => typeof file !== 'string' || !existsSync(join(ROOT, file)))).toEqual([]);
    expect(readFileSync(join(ROOT, 'electron-builder.yml'), 'utf8')).not.toMatch(
      /password|cscLink|identity|appleId|apiKey|teamId/i,
    );
  });

  it('says of every fuse how it is to be', () => {
    const fuses = configuration.electronFuses ?? {};
    expect(FUSES.filter((fuse) => typeof fuses[fuse] !== 'boolean')).toEqual([]);
    expect(fuses.grantFileProtocolExtraPrivileges).toBe(false);
  });

  it('asks of the hardened runtime for the compiler alone', () => {
    for (const name of ['entitlements.mac.plist', 'entitlements.mac.inherit.plist']) {
      const text = readFileSync(join(ROOT, 'build', name), 'utf8');
      expect([...text.matchAll(/<key>([^<]+)<\/key>/g)].map(([, key]) => key)).toEqual([
        'com.apple.security.cs.allow-jit',
      ]);
    }
  });
});

describe('who publishes', () => {
  it('must be told for deb and rpm, and for those alone', () => {
    expect(() => withPublisher(configuration, ['AppImage', 'deb'], {})).toThrow('QUIPU_PACKAGE_MAINTAINER');
    expect(() => withPublisher(configuration, ['rpm'], { QUIPU_PACKAGE_SITE: 'https://x.org' })).toThrow(
      'rpm must',
    );
    expect(withPublisher(configuration, ['AppImage'], {}).linux).toEqual(configuration.linux);
    expect(withPublisher(configuration, ['deb'], PUBLISHER)).toMatchObject({
      extraMetadata: { homepage: 'https://example.com' },
      linux: { maintainer: 'Jo <jo@example.com>', category: 'Office;Finance' },
    });
  });
});

describe.skipIf(process.platform !== 'linux')(
  'the packages of Linux, as electron-builder would make them',
  () => {
    let deb: Packed;
    let rpm: Packed;
    let appImage: string;

    beforeAll(async () => {
      ({ deb, rpm, appImage } = await linuxPackages(folder.path));
    });

    it.each(['deb', 'rpm'])('%s has the menu entry, and the icons in every size', (target) => {
      const { args, entry } = target === 'deb' ? deb : rpm;
      expect(entryOf(entry)).toMatchObject({
        Name: 'Quipu',
        Exec: '/opt/Quipu/quipu %U',
        Icon: 'quipu',
        StartupWMClass: 'quipu',
        Categories: 'Office;Finance;',
        MimeType: 'x-scheme-handler/quipu;',
        Keywords: expect.stringContaining('candles') as string,
      });
      const icons = args.flatMap((arg) => /hicolor\/(\d+)x\1\/apps\/quipu\.png$/.exec(arg)?.[1] ?? []);
      expect(icons.map(Number)).toEqual([16, 22, 24, 32, 48, 64, 96, 128, 256, 512, 1024]);
      expect(args.some((arg) => arg.endsWith('=/usr/share/applications/quipu.desktop'))).toBe(true);
      expect(args[args.indexOf('--package') + 1]).toMatch(
        target === 'deb' ? /quipu_\d+\.\d+\.\d+_amd64\.deb$/ : /quipu-\d+\.\d+\.\d+\.x86_64\.rpm$/,
      );
      expect(args[args.indexOf('--url') + 1]).toBe('https://example.com');
    });

    it('deb and rpm need the keychain’s and the notifications’ libraries', () => {
      expect(configuration.deb?.depends).toEqual(expect.arrayContaining(['libsecret-1-0', 'libnotify4']));
      const needs = configuration.rpm?.depends;
      expect(needs).toEqual(
        expect.arrayContaining(['(libsecret or libsecret-1-0)', '(libnotify or libnotify4)']),
      );
    });

    it('AppImage leaves the sandbox on', () => {
      expect(entryOf(appImage)).toMatchObject({ Exec: 'AppRun %U', MimeType: 'x-scheme-handler/quipu;' });
      expect(appImage).not.toContain('--no-sandbox');
    });
  },
);
