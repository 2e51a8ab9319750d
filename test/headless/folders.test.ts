import { describe, expect, it } from 'vitest';
import { dataFolder, defaultDataFolder } from '../../main/core/folders.ts';

describe('the data folder', () => {
  it.each([
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/Quipu'],
    ['linux', {}, '/home/ada/.local/share/Quipu'],
    ['linux', { XDG_DATA_HOME: 'relative' }, '/home/ada/.local/share/Quipu'],
    ['darwin', { XDG_DATA_HOME: '/data' }, '/home/ada/Library/Application Support/Quipu'],
    ['win32', { APPDATA: 'C:\\Users\\ada\\AppData\\Roaming' }, 'C:\\Users\\ada\\AppData\\Roaming\\Quipu'],
  ] as const)('on %s with %j', (platform, env, folder) => {
    expect(defaultDataFolder(platform, env, '/home/ada')).toBe(folder);
  });

  it('is QUIPU_DATA_DIR when that is set', () => {
    expect(dataFolder({ QUIPU_DATA_DIR: '/somewhere/else' })).toBe('/somewhere/else');
    expect(dataFolder({ QUIPU_DATA_DIR: '', XDG_DATA_HOME: '/data' })).not.toBe('');
  });
});
