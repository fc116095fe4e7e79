import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  companions,
  fetchLibtorch,
  makeVenv,
  planFetch,
  type FetchPlan,
} from '../../../src/engine/libtorch/fetch.js';
import { cacheVenv, search } from '../../../src/engine/libtorch/find.js';
import { buildTools, requireBuildTools } from '../../../src/engine/libtorch/tools.js';

let folder: string;
const PLAN: FetchPlan = { args: ['torch'], what: 'PyTorch', download: 1, disk: 1 };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-fetch-'));
  mkdirSync(join(folder, 'bin'));
  vi.stubEnv('GRPO_NATIVE_CACHE', join(folder, 'cache'));
  vi.stubEnv('LIBTORCH', '');
  vi.stubEnv('VIRTUAL_ENV', '');
  vi.stubEnv('CXX', '');
  vi.stubEnv('PATH', join(folder, 'bin'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, script: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

const failure = (code: string) => expect.objectContaining({ code }) as Error;

describe('fetching', () => {
  it('needs python3, and says how to get it', () => {
    expect(() => makeVenv()).toThrow(failure('PYTHON_MISSING'));
  });

  it('needs the venv module, which Debian packs apart', () => {
    program('python3', 'case "$*" in *--version*) echo Python 3.11.2;; *) exit 1;; esac');
    expect(() => makeVenv()).toThrow(failure('PYTHON_VENV'));
  });

  it('looks at the disk before it downloads', () => {
    expect(() => fetchLibtorch({ ...PLAN, disk: 1e18 })).toThrow(failure('DISK_FULL'));
  });

  it('leaves nothing that would be taken for a libtorch when pip fails', () => {
    const venv = cacheVenv();
    // Makes an environment whose python, and so whose pip, always fails.
    const make = `/bin/mkdir -p ${venv}/bin; printf '#!/bin/sh\\nexit 1\\n' > ${venv}/bin/python; /bin/chmod +x ${venv}/bin/python`;
    program('python3', `case "$*" in *--version*) echo Python 3.11.2;; *"-m venv"*) ${make};; esac`);
    makeVenv();
    expect(() => fetchLibtorch(PLAN)).toThrow(failure('FETCH_FAILED'));
    expect(existsSync(venv)).toBe(true);
    expect(search().chosen).toBeNull();
  });

  it.runIf(process.platform === 'linux')(
    "takes the standard index when PyTorch's own can't be reached",
    () => {
      program('python3', 'exit 1');
      expect(planFetch('python3').args).toEqual(['--no-deps', 'torch>=2.6,<2.16']);
      program('python3', 'exit 0');
      expect(planFetch('python3').args).toContain('https://download.pytorch.org/whl/cpu');
    },
  );

  it('takes all of CUDA for an NVIDIA GPU', () => {
    program('nvidia-smi', 'echo "NVIDIA H200, 143771 MiB, 570.1, 9.0"');
    expect(planFetch('python3').args).toEqual(['torch>=2.6,<2.16']);
  });
});

describe("the CUDA wheel's companions", () => {
  it('are pinned by name in older releases', () => {
    const metadata = [
      'Requires-Dist: nvidia-cuda-runtime-cu12 (==12.4.127) ; platform_system == "Linux"',
      'Requires-Dist: nvidia-cuda-cupti-cu12==12.4.127; platform_system == "Linux"',
    ].join('\n');
    expect(companions(metadata, ['libcupti.so.12', 'libcudart.so.12'])).toEqual([
      'nvidia-cuda-cupti-cu12==12.4.127',
      'nvidia-cuda-runtime-cu12==12.4.127',
    ]);
  });

  it('are pinned through the toolkit in later ones', () => {
    const metadata = 'Requires-Dist: cuda-toolkit[cublas,cudart,cupti]==13.2.2; platform_system == "Linux"';
    expect(companions(metadata, ['libcupti.so.13'])).toEqual(['cuda-toolkit[cudart,cupti]==13.2.2']);
  });

  it('go by the name of the library where the wheel says nothing', () => {
    expect(companions('', ['libcudart.so.13'])).toEqual(['nvidia-cuda-runtime']);
  });
});

describe('build tools', () => {
  it('names what is missing and how to install it', () => {
    expect(buildTools().map(({ problem }) => problem?.code)).toEqual([
      'COMPILER_MISSING',
      'CMAKE_MISSING',
      'MAKE_MISSING',
    ]);
    expect(() => requireBuildTools()).toThrow(/C\+\+ compiler/);
  });

  it('refuses what is too old', () => {
    program('g++', 'echo "g++ (Debian 9.4.0-1) 9.4.0"');
    program('cmake', 'echo "cmake version 3.16.3"');
    program('make', 'echo "GNU Make 4.3"');
    expect(buildTools().map(({ problem }) => problem?.code)).toEqual([
      'COMPILER_VERSION',
      'CMAKE_VERSION',
      undefined,
    ]);
  });

  it('takes what is new enough, by CXX too', () => {
    program('clang++', 'echo "Debian clang version 14.0.6"');
    program('cmake', 'echo "cmake version 4.1.0"');
    program('ninja', 'echo 1.11.1');
    vi.stubEnv('CXX', 'clang++');
    expect(buildTools().map(({ problem, version }) => problem ?? version)).toEqual([
      '14.0.6',
      '4.1.0',
      '1.11.1',
    ]);
  });
});
