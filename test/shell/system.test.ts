import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { autostartEntry, xdgAutostart } from '../../main/shell/autostart.ts';
import { networkWatch } from '../../main/shell/network.ts';
import { isOnMains, keepsAwake } from '../../main/shell/power.ts';
import { reloadLimit } from '../../main/shell/reload-limit.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

describe('start at log-in on Linux', () => {
  it('is a file that is there or not', async () => {
    const autostart = xdgAutostart(
      { XDG_CONFIG_HOME: join(folder.path, 'config') },
      '/nowhere',
      '/opt/Quipu/quipu',
    );
    expect(autostart.isOn()).toBe(false);
    await autostart.set(true);
    expect(autostart.isOn()).toBe(true);
    expect(readFileSync(join(folder.path, 'config', 'autostart', 'quipu.desktop'), 'utf8')).toContain(
      'Exec="/opt/Quipu/quipu" --hidden\n',
    );
    await autostart.set(false);
    await autostart.set(false);
    expect(autostart.isOn()).toBe(false);
  });

  it('is in the home folder when the environment says nothing that counts', async () => {
    await xdgAutostart({ XDG_CONFIG_HOME: 'relative' }, folder.path, '/q').set(true);
    expect(readFileSync(join(folder.path, '.config', 'autostart', 'quipu.desktop'), 'utf8')).toContain(
      'Exec="/q"',
    );
  });

  it('names the program so that the desktop reads the same name', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\/[ -~]{1,60}$/), (program) => {
        const [, exec = ''] = /^Exec=(.*)$/m.exec(autostartEntry(program)) ?? [];
        // As the standard reads it: the value's escapes, then the word's quotes, then the codes.
        const value = exec.replace(/\\\\/g, '\\');
        const [, quoted = ''] = /^"((?:\\.|[^"\\])*)" --hidden$/.exec(value) ?? [];
        expect(quoted.replace(/\\(.)/g, '$1').replaceAll('%%', '%')).toBe(program);
      }),
    );
  });
});

describe('power', () => {
  it('keeps the computer awake only when it is asked for, records, and is on mains', () => {
    for (const isAsked of [true, false])
      for (const isRecording of [true, false])
        for (const isOnMains of [true, false])
          expect(keepsAwake({ isAsked, isRecording, isOnMains })).toBe(isAsked && isRecording && isOnMains);
  });

  type Supply = Readonly<Record<string, string>>;
  it.each<[string, Readonly<Record<string, Supply>>, boolean]>([
    ['a desktop', {}, true],
    [
      'a desktop with a wireless mouse',
      { mouse: { type: 'Battery', scope: 'Device', status: 'Discharging' } },
      true,
    ],
    [
      'a laptop on mains',
      { AC: { type: 'Mains', online: '1' }, BAT0: { type: 'Battery', status: 'Charging' } },
      true,
    ],
    [
      'a laptop on battery',
      { AC: { type: 'Mains', online: '0' }, BAT0: { type: 'Battery', status: 'Discharging' } },
      false,
    ],
    [
      'a laptop charged by USB',
      { usb: { type: 'USB', online: '1' }, BAT0: { type: 'Battery', status: 'Charging' } },
      true,
    ],
    ['a laptop that tells of its battery alone', { BAT0: { type: 'Battery', status: 'Discharging' } }, false],
  ])('%s', (_what, supplies, expected) => {
    for (const [name, fields] of Object.entries(supplies)) {
      mkdirSync(join(folder.path, name));
      for (const [field, text] of Object.entries(fields))
        writeFileSync(join(folder.path, name, field), `${text}\n`);
    }
    expect(isOnMains(folder.path)).toBe(expected);
  });

  it('a system without such a folder is on mains', () => {
    expect(isOnMains(join(folder.path, 'none'))).toBe(true);
  });
});

describe('the network', () => {
  const address = (text: string, internal = false): NetworkInterfaceInfo => {
    const rest = { netmask: '', mac: '', internal, cidr: `${text}/64` };
    return text.includes(':')
      ? { ...rest, address: text, family: 'IPv6', scopeid: 0 }
      : { ...rest, address: text, family: 'IPv4' };
  };

  it('is told of when it comes or is another one, and not when it goes or stays', () => {
    let now: Record<string, NetworkInterfaceInfo[]> = {
      lo: [address('127.0.0.1', true)],
      wlan0: [address('192.168.1.5'), address('fe80::1')],
    };
    const watch = networkWatch(() => now);
    const after = (next: typeof now): boolean => {
      now = next;
      return watch.look();
    };
    expect(watch.look()).toBe(false);
    expect(after({ wlan0: [address('fe80::2'), address('192.168.1.5')] })).toBe(false);
    expect(after({ wlan0: [address('fe80::2')] })).toBe(false);
    expect(after({ wlan0: [address('192.168.1.5')] })).toBe(true);
    expect(after({ wlan0: [address('10.0.0.7')] })).toBe(true);
    expect(after({ wlan0: [address('10.0.0.7'), address('2001:db8:1:2:aaaa::1')] })).toBe(true);
    expect(after({ wlan0: [address('10.0.0.7'), address('2001:db8:1:2:bbbb::9')] })).toBe(false);
    expect(after({})).toBe(false);
  });
});

describe('a page that keeps crashing', () => {
  it('is loaded again three times within a minute', () => {
    const limit = reloadLimit();
    expect([0, 1_000, 2_000, 3_000].map((now) => limit.take(now))).toEqual([true, true, true, false]);
    expect(limit.take(60_000)).toBe(true);
    expect(limit.take(60_500)).toBe(false);
    limit.reset();
    expect(limit.take(60_600)).toBe(true);
  });
});
