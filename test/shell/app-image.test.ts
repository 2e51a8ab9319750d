/** An AppImage that runs, and one that takes its place: real files. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownAppImage } from '../../main/shell/app-image.ts';
import { replaceAppImage } from '../../main/shell/updates/replace.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

describe('the AppImage that a program is part of', () => {
  it('is the one in whose folder the program lies', () => {
    const mounted = join(folder.path, '.mount_Quipu');
    mkdirSync(mounted);
    symlinkSync(folder.path, join(folder.path, 'link'));
    const env = { APPIMAGE: '/home/jo/Quipu.AppImage', APPDIR: mounted };
    expect(ownAppImage(env, join(mounted, 'quipu'))).toBe('/home/jo/Quipu.AppImage');
    const linked = { ...env, APPDIR: join(folder.path, 'link', '.mount_Quipu') };
    expect(ownAppImage(linked, join(mounted, 'quipu'))).toBe('/home/jo/Quipu.AppImage');
    // A terminal that is an AppImage itself hands both to what is started in it.
    expect(ownAppImage(env, '/opt/Quipu/quipu')).toBeUndefined();
    expect(ownAppImage(env, `${mounted}-other/quipu`)).toBeUndefined();
    for (const wrong of [
      { APPDIR: join(folder.path, 'gone') },
      { APPDIR: undefined },
      { APPIMAGE: undefined },
    ])
      expect(ownAppImage({ ...env, ...wrong }, join(mounted, 'quipu'))).toBeUndefined();
    expect(ownAppImage({ ...env, APPIMAGE: 'Quipu.AppImage' }, join(mounted, 'quipu'))).toBeUndefined();
  });
});

describe('the replacement of an AppImage', () => {
  // More than is copied at a time.
  const NEW = Buffer.alloc(2_500_000, 'new');
  const HASH = createHash('sha512').update(NEW);
  const sha512 = HASH.copy().digest('base64');

  function prepare(): { readonly file: string; readonly arrived: string } {
    const [file, arrived] = [
      join(folder.path, 'home', 'Quipu-0.1.0.AppImage'),
      join(folder.path, 'cache', 'new'),
    ];
    for (const name of ['home', 'cache']) mkdirSync(join(folder.path, name));
    writeFileSync(file, 'old');
    chmodSync(file, 0o750);
    writeFileSync(arrived, NEW);
    return { file, arrived };
  }
  const left = (): string[] => [
    ...readdirSync(join(folder.path, 'home')),
    ...readdirSync(join(folder.path, 'cache')),
  ];

  it.each(['base64', 'hex'] as const)(
    'has the old one’s name and rights, and leaves nothing (%s)',
    (encoding) => {
      const { file, arrived } = prepare();
      // What a run left that was cut off.
      writeFileSync(join(folder.path, 'home', '.Quipu-0.1.0.AppImage.new'), 'half');
      replaceAppImage({ file, arrived, sha512: HASH.copy().digest(encoding) });
      expect(readFileSync(file).equals(NEW)).toBe(true);
      expect(statSync(file).mode & 0o777).toBe(0o750);
      expect(left()).toEqual(['Quipu-0.1.0.AppImage']);
    },
  );

  it('follows a link to the file, and leaves the link', () => {
    const { file, arrived } = prepare();
    const link = join(folder.path, 'link');
    symlinkSync(file, link);
    replaceAppImage({ file: link, arrived, sha512 });
    expect(readFileSync(file).equals(NEW)).toBe(true);
    expect(readFileSync(link).equals(NEW)).toBe(true);
    expect(left()).toEqual(['Quipu-0.1.0.AppImage']);
  });

  it('throws away what was changed since it came', () => {
    const { file, arrived } = prepare();
    writeFileSync(arrived, 'other', { flag: 'a' });
    expect(() => replaceAppImage({ file, arrived, sha512 })).toThrow('not what the feed of updates promised');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(left()).toEqual(['Quipu-0.1.0.AppImage']);
  });

  it('leaves the old one when the new one is gone', () => {
    const { file, arrived } = prepare();
    rmSync(arrived);
    expect(() => replaceAppImage({ file, arrived, sha512 })).toThrow('not there any more');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(left()).toEqual(['Quipu-0.1.0.AppImage']);
  });

  it('keeps both when it cannot write where the old one lies', () => {
    const { file, arrived } = prepare();
    // Nothing can be removed or made there under that name, whoever asks.
    mkdirSync(join(folder.path, 'home', '.Quipu-0.1.0.AppImage.new', 'x'), { recursive: true });
    expect(() => replaceAppImage({ file, arrived, sha512 })).toThrow();
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readFileSync(arrived).equals(NEW)).toBe(true);
  });

  // Of the kernel's own folders nobody may make a file in.
  it.skipIf(!existsSync('/sys/kernel/uevent_seqnum'))('says where it may not write', () => {
    const { arrived } = prepare();
    const replace = (): void => replaceAppImage({ file: '/sys/kernel/uevent_seqnum', arrived, sha512 });
    expect(replace).toThrow('Quipu may not write in /sys/kernel, where its AppImage lies.');
    expect(readFileSync(arrived).equals(NEW)).toBe(true);
  });
});
