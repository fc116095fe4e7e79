/** Detects libtorch libraries on LD_LIBRARY_PATH that the loader takes instead of those the addon was built with. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { addonPath, readJson } from '../machine/paths.js';

const [VARIABLE, EXTENSION] =
  process.platform === 'darwin' ? ['DYLD_LIBRARY_PATH', 'dylib'] : ['LD_LIBRARY_PATH', 'so'];
const LIBRARIES = ['c10', 'torch', 'torch_cpu', 'c10_cuda', 'torch_cuda'].map(
  (name) => `lib${name}.${EXTENSION}`,
);

/** Folders that the loader searches before a library's own rpath; an empty entry is the working directory. */
const folders = (): string[] => (process.env[VARIABLE] ? process.env[VARIABLE].split(delimiter) : []);

const librariesIn = (folder: string): string[] =>
  LIBRARIES.map((name) => join(folder || '.', name)).filter((file) => existsSync(file));

/** This process's environment without the library folders that contain a libtorch. */
export function withoutLibtorch(): NodeJS.ProcessEnv {
  const others = folders().filter((folder) => librariesIn(folder).length === 0);
  return { ...process.env, [VARIABLE]: others.length > 0 ? others.join(delimiter) : undefined };
}

/**
 * The error to show if another libtorch shadows the right one; undefined if none does.
 * @param reason the loader's message; one about the addon's own file has nothing to do with shadowing
 */
export function shadowed(reason: string): GrpoError | undefined {
  const addon = addonPath();
  if (new RegExp(`${basename(addon)}: (file too short|invalid ELF header|cannot open)`).test(reason))
    return undefined;
  const own = readJson<{ path?: string }>(join(dirname(dirname(addon)), 'libtorch.json'))?.path;
  const library = folders()
    .flatMap(librariesIn)
    .find((file) => !(own && isSame(file, join(own, 'lib', basename(file)))));
  if (library === undefined) return undefined;
  return new GrpoError(
    'ADDON_BROKEN',
    `the native engine does not load: ${reason} (${VARIABLE} puts ${library} in place of the libtorch it was built with)`,
    {
      fix: `unset ${VARIABLE}, or leave ${dirname(library)} out of it`,
      value: process.env[VARIABLE],
      exitCode: 1,
    },
  );
}

const isSame = (a: string, b: string): boolean => existsSync(b) && realpathSync(a) === realpathSync(b);
