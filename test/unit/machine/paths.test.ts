import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  cacheDir,
  expandHome,
  packageRoot,
  userCache,
  writableCacheDir,
} from '../../../src/machine/paths.js';
import { temporaryFolder } from '../../support/fixtures.js';

vi.mock(import('node:os'), async (original) => ({ ...(await original()), homedir: vi.fn() }));

const HOMELESS: [string, () => string][] = [
  [
    'neither HOME nor an entry for the user',
    () => {
      throw new Error('ENOENT: no such file or directory, uv_os_get_passwd');
    },
  ],
  ['an empty HOME', () => ''],
];

describe('a path in the home folder', () => {
  it.each(HOMELESS)('is refused with %s', (_, home) => {
    vi.mocked(homedir).mockImplementation(home);
    expect(() => expandHome('~/runs/a')).toThrow(expect.objectContaining({ code: 'NO_HOME' }));
    expect(expandHome('/runs/a')).toBe('/runs/a');
  });

  it("is the user's", () => {
    vi.mocked(homedir).mockReturnValue('/home/me');
    expect(expandHome('~/runs/a')).toBe(join('/home/me', 'runs/a'));
    expect(expandHome('~')).toBe(join('/home/me'));
  });
});

describe('the cache', () => {
  beforeEach(() => {
    for (const name of ['GRPO_NATIVE_CACHE', 'XDG_CACHE_HOME']) vi.stubEnv(name, '');
  });
  afterEach(() => vi.unstubAllEnvs());

  it.each(HOMELESS)('lies beside the addon with %s', (_, home) => {
    vi.mocked(homedir).mockImplementation(home);
    expect(userCache()).toBeUndefined();
    expect(cacheDir()).toBe(join(packageRoot(), 'build', 'cache'));
    vi.stubEnv('GRPO_NATIVE_CACHE', '/elsewhere');
    expect(cacheDir()).toBe('/elsewhere');
  });

  it.runIf(process.platform === 'linux')("is the user's where there is one", () => {
    vi.mocked(homedir).mockReturnValue('/home/me');
    expect(cacheDir()).toBe('/home/me/.cache/grpo-native');
    vi.stubEnv('XDG_CACHE_HOME', '/xdg');
    expect(cacheDir()).toBe('/xdg/grpo-native');
  });

  it.each<[string, () => string]>([
    [
      'below a file',
      () => {
        const file = join(temporaryFolder(), 'file');
        writeFileSync(file, '');
        return join(file, 'cache');
      },
    ],
    // It says ENOENT of what is made in it, as an automounter's folder does.
    ['in /proc', () => '/proc/cache/of/mine'],
  ])('that cannot be written (%s) is named, with the variable that names another', (_, unwritable) => {
    const folder = unwritable();
    vi.stubEnv('GRPO_NATIVE_CACHE', folder);
    expect(writableCacheDir).toThrow(
      expect.objectContaining({
        code: 'CACHE_READ_ONLY',
        message: expect.stringContaining(folder) as string,
        fix: expect.stringContaining('GRPO_NATIVE_CACHE=') as string,
      }),
    );
  });

  it('is made, with the folders above it', () => {
    const folder = join(temporaryFolder(), 'a', 'b');
    vi.stubEnv('GRPO_NATIVE_CACHE', folder);
    expect(writableCacheDir()).toBe(folder);
    expect(existsSync(folder)).toBe(true);
  });
});
