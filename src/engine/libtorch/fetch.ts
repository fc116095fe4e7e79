/** Downloads libtorch: installs PyTorch's wheel with pip into a virtual environment in the cache folder. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { nvidiaGpus } from '../../machine/gpu.js';
import { cacheDir, writableCacheDir } from '../../machine/paths.js';
import { run } from '../../machine/exec.js';
import { cacheVenv, fetchMarker } from './find.js';
import { inspect, packagesFor, type Libtorch } from './inspect.js';
import { hasVenv, python3, pythonVersion } from './python.js';
import { installLine } from './tools.js';
import { NEWEST, OLDEST, PIP_REQUIREMENT } from './version.js';

const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';

/** What will be fetched; sizes are those of PyTorch 2.15 for Linux on x86-64. */
export interface FetchPlan {
  /** Arguments of `pip install`, the requirement included. */
  args: string[];
  what: string;
  /** Download and size on disk, bytes, roughly. */
  download: number;
  disk: number;
}

const CPU_WHEEL = { download: 0.2e9, disk: 0.9e9 };
const CUDA_WHEEL_ALONE = { download: 0.6e9, disk: 1.4e9 };
const CUDA_COMPLETE = { download: 3e9, disk: 7e9 };

/**
 * Chooses the smallest download that serves this machine. Without a GPU that is the wheel of
 * PyTorch's CPU index; where that index can't be reached, the standard one, whose Linux wheel
 * is the CUDA build: alone it weighs a fifth of what its dependencies would bring.
 */
export function planFetch(python: string): FetchPlan {
  if (nvidiaGpus().gpus.length > 0) {
    return { args: [PIP_REQUIREMENT], what: 'PyTorch with CUDA, for the NVIDIA GPU', ...CUDA_COMPLETE };
  }
  const alone = ['--no-deps', PIP_REQUIREMENT];
  if (process.platform === 'darwin') return { args: alone, what: 'PyTorch', ...CPU_WHEEL };
  if (isReachable(CPU_INDEX, python)) {
    return { args: ['--index-url', CPU_INDEX, ...alone], what: 'PyTorch for the CPU', ...CPU_WHEEL };
  }
  const what = 'PyTorch from the standard index (its CPU index cannot be reached)';
  return { args: alone, what, ...CUDA_WHEEL_ALONE };
}

/** Asks pip itself, which knows the user's proxy and certificates; gives up within seconds. */
function isReachable(index: string, python: string): boolean {
  const args = ['-m', 'pip', 'index', 'versions', 'torch', '--index-url', index];
  const quick = ['--timeout', '4', '--retries', '0', '--disable-pip-version-check'];
  return run(python, [...args, ...quick], { timeoutMs: 15_000 }).ok;
}

/** Creates a virtual environment anew, by default libtorch's; returns its interpreter, which certainly has pip. */
export function makeVenv(venv = cacheVenv()): string {
  const python = requirePython();
  rmSync(venv, { recursive: true, force: true });
  const made = run(python, ['-m', 'venv', venv], { timeoutMs: 120_000 });
  if (made.ok) return join(venv, 'bin', 'python');
  throw new GrpoError('PYTHON_VENV', `python3 could not make ${venv}: ${lastLine(made.stderr)}`, {
    fix: `Install with: ${installLine()}`,
    exitCode: 1,
  });
}

/** Installs into the environment that `makeVenv` made; pip reports on standard error as it goes. */
export function fetchLibtorch(plan: FetchPlan): Libtorch {
  requireSpace(plan.disk);
  const venv = cacheVenv();
  pipInstall(plan.args);
  const missing = inspect(venv)?.missing ?? [];
  if (missing.length > 0) pipInstall(companions(wheelMetadata(venv), missing));

  const libtorch = inspect(venv);
  if (libtorch === null) {
    throw new GrpoError('FETCH_FAILED', `pip ended well, but ${venv} holds no libtorch`, {
      fix: `Delete ${venv} and run: npx grpo-native setup --fetch`,
      exitCode: 1,
    });
  }
  if (libtorch.problem !== null) throw libtorch.problem;
  const summary = { version: libtorch.version, args: plan.args };
  writeFileSync(fetchMarker(), JSON.stringify(summary, null, 2) + '\n');
  return libtorch;
}

function pipInstall(args: string[]): void {
  const pip = [
    '-m',
    'pip',
    'install',
    '--disable-pip-version-check',
    '--no-cache-dir',
    '--no-warn-conflicts',
  ];
  // pip's output goes to standard error, since our standard output may have to be JSON.
  const child = spawnSync(venvPython(), [...pip, ...args], { stdio: ['ignore', 2, 2] });
  if (child.status === 0) return;
  throw new GrpoError('FETCH_FAILED', `pip could not install ${args.join(' ')}; its own words are above`, {
    fix: `With a network run it again; or fetch PyTorch ${OLDEST} to ${NEWEST} by any other way and run: npx grpo-native setup --libtorch PATH`,
    exitCode: 1,
  });
}

/**
 * What pip installs to satisfy `missing`: the CUDA build of libtorch_cpu is linked to CUDA's
 * runtime and profiler libraries. The wheel's own metadata names their versions, in later
 * releases through `cuda-toolkit`.
 */
export function companions(metadata: string, missing: string[]): string[] {
  const toolkit = /^Requires-Dist: cuda-toolkit\[[^\]]*\]\s*\(?==([\d.]+)/m.exec(metadata);
  // The extras of this meta package pin the versions of its parts.
  if (toolkit !== null) return [`cuda-toolkit[cudart,cupti]==${toolkit[1]!}`];
  return packagesFor(missing).map((name) => {
    const pin = new RegExp(`^Requires-Dist: ${name}\\s*\\(?(==[\\d.]+)`, 'm').exec(metadata);
    return name + (pin?.[1] ?? '');
  });
}

function venvPython(): string {
  return join(cacheVenv(), 'bin', 'python');
}

function wheelMetadata(venv: string): string {
  const torch = inspect(venv)?.path;
  if (torch === undefined) return '';
  const packages = join(torch, '..');
  const info = readdirSync(packages).find((name) => /^torch-.*\.dist-info$/.test(name));
  return info === undefined ? '' : readFileSync(join(packages, info, 'METADATA'), 'utf8');
}

function requirePython(): string {
  const fix = `Install with: ${installLine()}`;
  const python = python3();
  if (python === null || pythonVersion(python) === null) {
    throw new GrpoError(
      'PYTHON_MISSING',
      'No python3 on the PATH; pip fetches libtorch (nothing else uses Python)',
      {
        fix: `${fix}; or give a libtorch of your own: npx grpo-native setup --libtorch PATH`,
      },
    );
  }
  if (!hasVenv(python)) {
    throw new GrpoError('PYTHON_VENV', `${python} can't make virtual environments (no venv or ensurepip)`, {
      fix,
    });
  }
  return python;
}

function requireSpace(bytes: number): void {
  const { bavail, bsize } = statfsSync(writableCacheDir());
  if (bavail * bsize >= bytes) return;
  const gigabytes = (n: number) => `${(n / 1e9).toFixed(1)} GB`;
  throw new GrpoError(
    'DISK_FULL',
    `${cacheDir()} has ${gigabytes(bavail * bsize)} free; libtorch takes ${gigabytes(bytes)}`,
    {
      fix: 'Free some space, or choose another folder with GRPO_NATIVE_CACHE=/path',
      exitCode: 1,
    },
  );
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
