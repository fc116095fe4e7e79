/** Where the project's own things lie: the package, the user's cache, the addon. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseJson } from '../common/json.js';
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

/** The user's home; undefined where there is none, as for a container's user that has neither HOME nor an entry. */
function home(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/** `.cache` of the user, as XDG has it; undefined without a home. */
export function userCache(): string | undefined {
  const folder = home();
  return process.env.XDG_CACHE_HOME || (folder && join(folder, '.cache'));
}

/** This program's cache: `GRPO_NATIVE_CACHE`, else in the user's; without a home beside the addon. */
export function cacheDir(): string {
  const chosen = process.env.GRPO_NATIVE_CACHE;
  if (chosen) return resolve(chosen);
  const folder = process.platform === 'darwin' ? macCache() : userCache();
  return folder ? join(folder, 'grpo-native') : join(packageRoot(), 'build', 'cache');
}

function macCache(): string | undefined {
  const folder = home();
  return folder && join(folder, 'Library', 'Caches');
}

/**
 * The same, which is there and can be written to when this returns.
 * @throws {GrpoError} CACHE_READ_ONLY
 */
export function writableCacheDir(): string {
  const folder = cacheDir();
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (cause) {
    throw new GrpoError(
      'CACHE_READ_ONLY',
      `${folder} can't be written (${(cause as NodeJS.ErrnoException).code}); libtorch, or the choice of one, is kept there`,
      {
        fix: 'choose another folder, for this command and those after it: export GRPO_NATIVE_CACHE=/path',
        value: folder,
        exitCode: 1,
        cause,
      },
    );
  }
}

/**
 * With the folders above it. Node's own (`recursive`) tries for ever where the system says ENOENT of a folder in one
 * that is there, as in the mount points of an automounter.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
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
  const folder = home();
  if (folder !== undefined) return join(folder, path.slice(2));
  throw new GrpoError('NO_HOME', `${path} is in a home folder, and this user has none`, {
    fix: 'write the whole path, or set HOME',
    value: path,
  });
}

/** A JSON file's value; undefined where there is none, or it isn't JSON. */
export function readJson<T>(file: string): T | undefined {
  try {
    return parseJson(readFileSync(file, 'utf8')) as T | undefined;
  } catch {
    return undefined;
  }
}
