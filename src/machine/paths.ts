/** Paths of the package, of the cache folder and of the built addon. */
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
  // Source files are at different depths, the bundle at another: so walk up until package.json is found.
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

/** The home folder; undefined without one, as for a container's user with neither HOME nor an entry in /etc/passwd. */
function home(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/** The user's cache folder by the XDG specification; undefined without a home folder. */
export function userCache(): string | undefined {
  const folder = home();
  return process.env.XDG_CACHE_HOME || (folder && join(folder, '.cache'));
}

/** grpo-native's cache: `GRPO_NATIVE_CACHE`, else a folder in the user's cache, else one beside the built addon. */
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
 * `cacheDir`, created if needed and checked to be writable.
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
 * Expands a leading `~/` to the home folder. A shell does so only at the beginning of a word, not in
 * `--option=~/x`, and in YAML files nothing does.
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

/** The content of a JSON file; undefined if the file can't be read or isn't JSON. */
export function readJson<T>(file: string): T | undefined {
  try {
    return parseJson(readFileSync(file, 'utf8')) as T | undefined;
  } catch {
    return undefined;
  }
}
