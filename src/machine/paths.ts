/** Where the project's own things lie: the package, the user's cache, the addon. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { GrpoError } from '../common/errors.js';

let root: string | undefined;

/** The folder that holds this package's `package.json`, in a checkout and when installed. */
export function packageRoot(): string {
  if (root !== undefined) return root;
  // The sources lie one or two folders deep, the bundle one: so walk up.
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!isPackageRoot(folder)) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('package.json of grpo-native not found above its own code');
    folder = parent;
  }
  root = folder;
  return folder;
}

function isPackageRoot(folder: string): boolean {
  const file = join(folder, 'package.json');
  return existsSync(file) && readJson<{ name?: string }>(file)?.name === 'grpo-native';
}

/** This package's version. */
export function packageVersion(): string {
  return readJson<{ version: string }>(join(packageRoot(), 'package.json'))?.version ?? 'unknown';
}

/** The user's cache for this program: `GRPO_NATIVE_CACHE`, else the platform's (XDG on Linux). */
export function cacheDir(): string {
  const chosen = process.env.GRPO_NATIVE_CACHE;
  return chosen ? resolve(chosen) : envPaths('grpo-native', { suffix: '' }).cache;
}

/** The built addon: `GRPO_NATIVE_ADDON` (for debugging), else where `setup` builds it. */
export function addonPath(): string {
  const chosen = process.env.GRPO_NATIVE_ADDON;
  return chosen ? resolve(chosen) : join(packageRoot(), 'build', 'native', 'Release', 'grpo_native.node');
}

/**
 * A path whose leading `~/` is the home folder, which a shell puts there where a word begins with it, but nobody in
 * `--option=~/x` and in YAML.
 */
export function expandHome(path: string): string {
  if (path !== '~' && !path.startsWith('~/')) return path;
  try {
    return join(homedir(), path.slice(2));
  } catch (cause) {
    throw new GrpoError('NO_HOME', `${path} is in a home folder, and this user has none`, {
      fix: 'write the whole path, or set HOME',
      value: path,
      cause,
    });
  }
}

/** A JSON file's value; undefined where there is none, or it isn't JSON. */
export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
