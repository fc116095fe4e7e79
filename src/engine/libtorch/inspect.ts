/** Finds out which libtorch a folder holds, and whether it is usable. */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { withoutLibtorch } from '../shadowed.js';
import { run, which } from '../../machine/exec.js';
import { NEWEST, OLDEST, PIP_REQUIREMENT, isAccepted } from './version.js';

/** One libtorch on disk. */
export interface Libtorch {
  /** Holds `include/` and `lib/`. */
  path: string;
  /** Such as `2.15.0+cu132`; `unknown` if no file in the folder states it. */
  version: string;
  /** The CUDA version it was built for; null for a CPU build. */
  cuda: string | null;
  /** Whether it was built with the C++11 ABI; PyTorch's wheels before 2.7 were not. */
  cxx11Abi: boolean;
  /** Shared libraries that libtorch needs and the dynamic loader does not find. */
  missing: string[];
  /** Why it can't be used; null when it can. */
  problem: GrpoError | null;
}

const EXTENSION = process.platform === 'darwin' ? 'dylib' : 'so';

/**
 * The libtorch folder meant by a path: the folder itself, or where an unpacked archive, a `site-packages`, a virtual
 * environment or a conda environment keeps it. Null when there is none.
 *
 * conda-forge splits PyTorch: libraries and headers lie in the environment's own `lib` and `include`, and its
 * `site-packages/torch` has links to the libraries, or nothing of the kind.
 */
function locate(path: string): string | null {
  const prefix = /^(.+)\/lib\/python3[^/]*\/site-packages(\/torch)?$/.exec(path)?.[1];
  const candidates = [path, join(path, 'torch'), join(path, 'libtorch'), ...sitePackages(path)];
  if (prefix !== undefined) candidates.push(prefix);
  const found = candidates.find((folder) => existsSync(library(folder, 'torch_cpu')));
  if (found === undefined) return null;
  if (hasHeaders(found)) return found;
  const real = dirname(dirname(realpathSync(library(found, 'torch_cpu'))));
  return hasHeaders(real) ? real : found;
}

const hasHeaders = (folder: string): boolean => existsSync(join(folder, 'include', 'ATen', 'ATen.h'));

/** `torch` in the site-packages of a virtual environment, or a conda one. */
function sitePackages(venv: string): string[] {
  const lib = join(venv, 'lib');
  if (!existsSync(lib)) return [];
  return readdirSync(lib)
    .filter((name) => name.startsWith('python3'))
    .map((name) => join(lib, name, 'site-packages', 'torch'));
}

/** Everything known about the libtorch in `path` without loading it; null when there is none. */
export function inspect(path: string): Libtorch | null {
  // An absolute path, since the choice is remembered and used from other working directories.
  const folder = locate(resolve(path));
  if (folder === null) return null;
  const found = {
    path: folder,
    version: version(folder),
    cuda: cuda(folder),
    cxx11Abi: !read(join(folder, 'share/cmake/Torch/TorchConfig.cmake')).includes('_GLIBCXX_USE_CXX11_ABI=0'),
    missing: missingLibraries(library(folder, 'torch_cpu')),
  };
  return { ...found, problem: problem(found) };
}

function library(folder: string, name: string): string {
  return join(folder, 'lib', `lib${name}.${EXTENSION}`);
}

/** Content of `torch/version.py`, if the folder is that package or a conda environment that contains it. */
function versionModule(folder: string): string {
  return [folder, ...sitePackages(folder)].map((place) => read(join(place, 'version.py'))).join('\n');
}

/** Wheels state their version in version.py, archives in the file build-version, both in a C++ header. */
function version(folder: string): string {
  const python = /^__version__ = '([^']+)'/m.exec(versionModule(folder));
  if (python !== null) return python[1]!;
  const archive = read(join(folder, 'build-version')).trim();
  if (archive !== '') return archive;
  for (const header of ['torch/headeronly/version.h', 'torch/csrc/api/include/torch/version.h']) {
    const match = /define TORCH_VERSION\s+\\?\s*"([^"]+)"/.exec(read(join(folder, 'include', header)));
    if (match !== null) return match[1]!;
  }
  return 'unknown';
}

function cuda(folder: string): string | null {
  const python = /^cuda\b[^=]*= '([^']+)'/m.exec(versionModule(folder));
  if (python !== null) return python[1]!;
  return existsSync(library(folder, 'torch_cuda')) ? 'unknown version' : null;
}

/** Libraries that the dynamic loader doesn't find, according to ldd. Empty where there is no ldd. */
function missingLibraries(file: string): string[] {
  if (which('ldd') === null) return [];
  // Without other libtorchs on LD_LIBRARY_PATH: this one must be complete by itself.
  const lines = run('ldd', [file], { env: withoutLibtorch() }).stdout.split('\n');
  return lines.flatMap((line) => /^\s*(\S+) => not found/.exec(line)?.[1] ?? []);
}

function problem(found: Omit<Libtorch, 'problem'>): GrpoError | null {
  const { path, missing } = found;
  if (!isAccepted(found.version)) {
    return new GrpoError('LIBTORCH_VERSION', `libtorch ${found.version} in ${path} is not supported`, {
      fix: `Versions ${OLDEST} to ${NEWEST} are: pip install "${PIP_REQUIREMENT}", or npx grpo-native setup --fetch`,
      value: found.version,
    });
  }
  if (!hasHeaders(path)) {
    return new GrpoError('LIBTORCH_HEADERS', `libtorch in ${path} has no headers (include/ATen/ATen.h)`, {
      fix: "Use PyTorch's own wheel or archive (or, with conda, its package libtorch): npx grpo-native setup --fetch",
      value: path,
    });
  }
  if (missing.length > 0) {
    return new GrpoError('LIBTORCH_DEPENDENCY', `libtorch in ${path} needs ${missing.join(', ')}`, {
      fix: `Install beside it: pip install ${packagesFor(missing).join(' ')}`,
      value: missing,
    });
  }
  return null;
}

/** The pip packages that hold the given CUDA libraries; since CUDA 13 their names have no suffix. */
export function packagesFor(libraries: string[]): string[] {
  const names = libraries.map((name) => {
    const match = /^lib(cudart|cupti|cublas|cublasLt|nvrtc)\.so\.(\d+)/.exec(name);
    if (match === null) return name;
    const suffix = Number(match[2]) >= 13 ? '' : `-cu${match[2]!}`;
    return PACKAGES[match[1]!]! + suffix;
  });
  return [...new Set(names)];
}

const PACKAGES: Record<string, string> = {
  cudart: 'nvidia-cuda-runtime',
  cupti: 'nvidia-cuda-cupti',
  cublas: 'nvidia-cublas',
  cublasLt: 'nvidia-cublas',
  nvrtc: 'nvidia-cuda-nvrtc',
};

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
