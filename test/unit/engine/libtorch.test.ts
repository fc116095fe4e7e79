import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { excerpt } from '../../../src/engine/libtorch/build.js';
import {
  describe as describePlace,
  findLibtorch,
  named,
  remember,
  search,
} from '../../../src/engine/libtorch/find.js';
import { inspect, packagesFor } from '../../../src/engine/libtorch/inspect.js';
import { withLock } from '../../../src/engine/libtorch/lock.js';
import { isAccepted } from '../../../src/engine/libtorch/version.js';
import { shadowed } from '../../../src/engine/shadowed.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-libtorch-'));
  // A machine with nothing on it.
  vi.stubEnv('GRPO_NATIVE_CACHE', join(folder, 'cache'));
  vi.stubEnv('LIBTORCH', '');
  vi.stubEnv('VIRTUAL_ENV', '');
  vi.stubEnv('CONDA_PREFIX', '');
  vi.stubEnv('PATH', join(folder, 'bin'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const LIBRARY = process.platform === 'darwin' ? 'libtorch_cpu.dylib' : 'libtorch_cpu.so';

/** A folder that looks like a wheel's torch package. */
function fakeTorch(path: string, version: string, cuda: string | null = null): string {
  write(join(path, 'lib', LIBRARY), '');
  write(join(path, 'include', 'ATen', 'ATen.h'), '');
  const value = cuda === null ? 'None' : `'${cuda}'`;
  write(join(path, 'version.py'), `__version__ = '${version}'\ncuda: Optional[str] = ${value}\n`);
  return path;
}

/** A python3 whose torch lies in `torch`. */
function fakePython(file: string, torch: string): void {
  write(file, `#!/bin/sh\necho ${torch}\n`);
  chmodSync(file, 0o755);
}

/** As conda-forge links `site-packages/torch` to the environment. */
function link(prefix: string, torch: string, folders: string[]): void {
  for (const name of folders) {
    mkdirSync(join(torch, name), { recursive: true });
    for (const entry of name === 'lib' ? [LIBRARY] : ['ATen'])
      symlinkSync(join(prefix, name, entry), join(torch, name, entry));
  }
}

describe('accepted versions', () => {
  it.each(['2.6.0', '2.6.0+cu124', '2.10.1', '2.15.0+cpu', '2.15.3a0+gitabc'])('takes %s', (version) => {
    expect(isAccepted(version)).toBe(true);
  });

  it.each(['2.5.1', '2.16.0', '1.13.1', '3.0.0', 'unknown', ''])('refuses %s', (version) => {
    expect(isAccepted(version)).toBe(false);
  });
});

describe('an addon that does not load', () => {
  const symbol = 'undefined symbol: _ZN3c105ErrorE';
  const addon = () => {
    const own = fakeTorch(join(folder, 'torch'), '2.15.0');
    write(join(folder, 'build', 'libtorch.json'), JSON.stringify({ path: own }));
    vi.stubEnv('GRPO_NATIVE_ADDON', join(folder, 'build', 'Release', 'grpo_native.node'));
    return join(own, 'lib');
  };

  it.runIf(process.platform === 'linux')('is told of the variable that leads to another libtorch', () => {
    const own = addon();
    const shadow = join(fakeTorch(join(folder, 'shadow'), '2.1.0'), 'lib');
    vi.stubEnv('LD_LIBRARY_PATH', `/opt/lib:${own}:${shadow}`);
    expect(shadowed(symbol)).toMatchObject({
      code: 'ADDON_BROKEN',
      message: expect.stringContaining(join(shadow, LIBRARY)) as string,
      fix: `unset LD_LIBRARY_PATH, or leave ${shadow} out of it`,
    });
    expect(shadowed('/build/grpo_native.node: invalid ELF header')).toBeUndefined();
    vi.stubEnv('LD_LIBRARY_PATH', `/opt/lib:${own}`);
    expect(shadowed(symbol)).toBeUndefined();
    vi.stubEnv('LD_LIBRARY_PATH', '');
    expect(shadowed(symbol)).toBeUndefined();
  });
});

describe('inspecting a folder', () => {
  it('reads a wheel', () => {
    const found = inspect(fakeTorch(join(folder, 'torch'), '2.15.0+cu132', '13.2'))!;
    expect(found).toMatchObject({ version: '2.15.0+cu132', cuda: '13.2', cxx11Abi: true, problem: null });
  });

  it('reads the old ABI from the CMake files', () => {
    const torch = fakeTorch(join(folder, 'torch'), '2.6.0');
    write(join(torch, 'share/cmake/Torch/TorchConfig.cmake'), 'set(F "-D_GLIBCXX_USE_CXX11_ABI=0")');
    expect(inspect(torch)!.cxx11Abi).toBe(false);
  });

  it('reads an archive, and the header where nothing else tells the version', () => {
    const archive = join(folder, 'libtorch');
    write(join(archive, 'lib', LIBRARY), '');
    write(join(archive, 'include', 'ATen', 'ATen.h'), '');
    write(join(archive, 'include/torch/headeronly/version.h'), '#define TORCH_VERSION \\\n  "2.14.1"\n');
    expect(inspect(archive)!.version).toBe('2.14.1');
    write(join(archive, 'build-version'), '2.9.0+cpu\n');
    expect(inspect(archive)!.version).toBe('2.9.0+cpu');
  });

  it('finds torch in a virtual environment, and in the folder above it', () => {
    const torch = fakeTorch(join(folder, 'venv/lib/python3.12/site-packages/torch'), '2.7.0');
    expect(inspect(join(folder, 'venv'))!.path).toBe(torch);
    expect(inspect(dirname(torch))!.path).toBe(torch);
    expect(inspect(relative(process.cwd(), torch))!.path).toBe(torch);
    expect(inspect(join(folder, 'elsewhere'))).toBeNull();
  });

  it.each<[string, (prefix: string, torch: string) => void, boolean]>([
    ['with links to libraries and headers', (prefix, torch) => link(prefix, torch, ['lib', 'include']), true],
    ['with links to libraries alone', (prefix, torch) => link(prefix, torch, ['lib']), true],
    ['without links', () => undefined, true],
    ['without a Python package', () => undefined, false],
  ])('reads a conda environment: %s', (_, links, package_) => {
    const prefix = join(folder, 'conda');
    const torch = join(prefix, 'lib', 'python3.12', 'site-packages', 'torch');
    write(join(prefix, 'lib', LIBRARY), '');
    write(join(prefix, 'include', 'ATen', 'ATen.h'), '');
    const header = 'torch/csrc/api/include/torch/version.h';
    write(join(prefix, 'include', header), '#define TORCH_VERSION \\\n  "2.8.0"\n');
    if (package_) write(join(torch, 'version.py'), "__version__ = '2.8.0'\ncuda: Optional[str] = '12.9'\n");
    links(prefix, torch);
    const cuda = package_ ? '12.9' : null;
    for (const path of package_ ? [prefix, torch, dirname(torch)] : [prefix]) {
      const found = inspect(path);
      expect(found).toMatchObject({ version: '2.8.0', problem: null });
      // What the build takes is there: headers and libraries below one folder.
      expect(existsSync(join(found!.path, 'include', 'ATen', 'ATen.h'))).toBe(true);
      expect(existsSync(join(found!.path, 'lib', LIBRARY))).toBe(true);
      if (found!.path === prefix) expect(found!.cuda).toBe(cuda);
    }
    vi.stubEnv('CONDA_PREFIX', prefix);
    expect(search()).toMatchObject({ source: 'active conda environment', chosen: { version: '2.8.0' } });
  });

  it('names the range for a version outside it', () => {
    const problem = inspect(fakeTorch(join(folder, 'torch'), '2.5.1'))!.problem!;
    expect(problem.code).toBe('LIBTORCH_VERSION');
    expect(problem.message).toContain('2.5.1');
    expect(problem.fix).toContain('2.6 to 2.15');
  });

  it('refuses one without headers', () => {
    const torch = fakeTorch(join(folder, 'torch'), '2.15.0');
    rmSync(join(torch, 'include'), { recursive: true });
    expect(inspect(torch)!.problem!.code).toBe('LIBTORCH_HEADERS');
  });

  it.runIf(process.platform === 'linux')('names missing libraries and the packages that hold them', () => {
    const lines =
      '\tlibcudart.so.13 => not found\n\tlibcupti.so.13 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x0)\n';
    write(join(folder, 'bin', 'ldd'), `#!/bin/sh\nprintf '${lines}'\n`);
    chmodSync(join(folder, 'bin', 'ldd'), 0o755);
    const found = inspect(fakeTorch(join(folder, 'torch'), '2.15.0+cu132', '13.2'))!;
    expect(found.missing).toEqual(['libcudart.so.13', 'libcupti.so.13']);
    expect(found.problem!.code).toBe('LIBTORCH_DEPENDENCY');
    expect(found.problem!.fix).toContain('pip install nvidia-cuda-runtime nvidia-cuda-cupti');
  });

  it.runIf(process.platform === 'linux')(
    'does not mind another libtorch that LD_LIBRARY_PATH leads to',
    () => {
      const shadow = fakeTorch(join(folder, 'shadow'), '2.1.0');
      const script = 'case "$LD_LIBRARY_PATH" in *shadow*) echo "libtorch_cuda.so => not found";; esac';
      write(join(folder, 'bin', 'ldd'), `#!/bin/sh\n${script}\necho "$LD_LIBRARY_PATH => not found"\n`);
      chmodSync(join(folder, 'bin', 'ldd'), 0o755);
      vi.stubEnv('LD_LIBRARY_PATH', `${join(shadow, 'lib')}:/opt/cuda/lib`);
      expect(inspect(fakeTorch(join(folder, 'torch'), '2.15.0'))!.missing).toEqual(['/opt/cuda/lib']);
    },
  );

  it('knows the suffix that package names had before CUDA 13', () => {
    expect(packagesFor(['libcudart.so.12', 'libcupti.so.12'])).toEqual([
      'nvidia-cuda-runtime-cu12',
      'nvidia-cuda-cupti-cu12',
    ]);
  });
});

describe('searching', () => {
  it('finds nothing on a bare machine, and says which command helps', () => {
    expect(search().chosen).toBeNull();
    expect(() => findLibtorch()).toThrow(
      expect.objectContaining({ code: 'LIBTORCH_NOT_FOUND', fix: 'Run: npx grpo-native setup' }),
    );
  });

  it('prefers LIBTORCH, then the last setup, the active environment, python3 on the PATH, the cache', () => {
    const places: [string, () => void][] = [];
    const torch = (name: string) => fakeTorch(join(folder, name), '2.15.0');
    places.push([
      "user's cache",
      () => {
        fakeTorch(join(folder, 'cache/venv/lib/python3.11/site-packages/torch'), '2.15.0');
        write(join(folder, 'cache/venv/complete.json'), '{}');
      },
    ]);
    places.push(['python3 on the PATH', () => fakePython(join(folder, 'bin/python3'), torch('on-path'))]);
    places.push([
      'active virtual environment',
      () => {
        vi.stubEnv('VIRTUAL_ENV', join(folder, 'active'));
        fakePython(join(folder, 'active/bin/python'), torch('active/torch'));
      },
    ]);
    places.push(['last setup', () => remember(inspect(torch('remembered'))!)]);
    places.push(['LIBTORCH', () => vi.stubEnv('LIBTORCH', torch('named'))]);
    for (const [source, add] of places) {
      add();
      expect(search().source).toBe(source);
    }
  });

  it('does not use a fetch that was interrupted', () => {
    fakeTorch(join(folder, 'cache/venv/lib/python3.11/site-packages/torch'), '2.15.0');
    expect(search().chosen).toBeNull();
  });

  it('passes over an unusable one, saying why', () => {
    fakePython(join(folder, 'bin/python3'), fakeTorch(join(folder, 'old'), '2.1.0'));
    const { places, chosen } = search();
    expect(chosen).toBeNull();
    expect(places.map(describePlace).join('\n')).toContain('libtorch 2.1.0');
  });

  it('takes no other when LIBTORCH names one that does not work', () => {
    fakePython(join(folder, 'bin/python3'), fakeTorch(join(folder, 'good'), '2.15.0'));
    vi.stubEnv('LIBTORCH', join(folder, 'nowhere'));
    expect(search().chosen).toBeNull();
    expect(() => findLibtorch()).toThrow(/LIBTORCH names .*nowhere/);
    expect(() => named(join(folder, 'nowhere'), '--libtorch')).toThrow(/--libtorch names/);
  });
});

describe('a failed build', () => {
  it('shows the errors, not the noise', () => {
    const log = [
      '[ 10%] Building',
      ...Array<string>(50).fill('noise'),
      'a.cc:3:1: error: no such thing',
      '  3 | x',
      'make: *** [all] Error 2',
    ];
    expect(excerpt(log.join('\n'))).toBe('a.cc:3:1: error: no such thing\n  3 | x\nmake: *** [all] Error 2');
  });

  it('shows the end of a log without errors', () => {
    expect(excerpt(Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n'), 2)).toBe(
      'line 98\nline 99',
    );
  });
});

describe('the build lock', () => {
  it('lets one in at a time', async () => {
    const file = join(folder, 'lock');
    const order: string[] = [];
    const work = (name: string) =>
      withLock(file, undefined, async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        order.push(`${name} out`);
      });
    await Promise.all([work('a'), work('b')]);
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out']);
  });

  it('takes over from a process that died', async () => {
    write(join(folder, 'lock'), '999999999');
    await expect(withLock(join(folder, 'lock'), undefined, async () => 1)).resolves.toBe(1);
  });
});
