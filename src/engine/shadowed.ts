/** Libraries that the loader is told to take in place of the libtorch that the addon was built with. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { addonPath, readJson } from '../machine/paths.js';

const [VARIABLE, EXTENSION] =
  process.platform === 'darwin' ? ['DYLD_LIBRARY_PATH', 'dylib'] : ['LD_LIBRARY_PATH', 'so'];
const LIBRARIES = ['c10', 'torch', 'torch_cpu', 'c10_cuda', 'torch_cuda'].map(
  (name) => `lib${name}.${EXTENSION}`,
);

/** The folders that the loader looks into before those that a library names; an empty one is the working folder. */
const folders = (): string[] => (process.env[VARIABLE] ? process.env[VARIABLE].split(delimiter) : []);

const librariesIn = (folder: string): string[] =>
  LIBRARIES.map((name) => join(folder || '.', name)).filter((file) => existsSync(file));

/** This process's environment without what leads to any libtorch. */
export function withoutLibtorch(): NodeJS.ProcessEnv {
  const others = folders().filter((folder) => librariesIn(folder).length === 0);
  return { ...process.env, [VARIABLE]: others.length > 0 ? others.join(delimiter) : undefined };
}

/** @param reason what the loader says; where it is the addon itself that is broken, no variable is to blame */
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
