/** Checks everything that training on this machine depends on. */
import { existsSync, statfsSync } from 'node:fs';
import { arch, platform, release } from 'node:os';
import { dirname } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { mayHaveGpu, nvidiaGpus, type Gpu } from '../../machine/gpu.js';
import { processor, type Processor } from '../../machine/processor.js';
import { memory, type Memory } from '../../machine/memory.js';
import type { EngineInfo } from '../types.js';
import { addonPath, cacheDir, packageVersion } from '../../machine/paths.js';
import { buildStamp, type BuildStamp } from './build.js';
import { run } from '../../machine/exec.js';
import { search, type Search } from './find.js';
import { probeAddon } from './probe.js';
import { hasVenv, python3, pythonVersion } from './python.js';
import { buildTools, installLine, type Tool } from './tools.js';

/** Something that is wrong. With an `error` training can't work, with a `warning` it can. */
export interface Problem {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  fix: string;
}

export interface Diagnosis {
  versions: { grpoNative: string; node: string; npm: string | null; python: string | null };
  tools: Tool[];
  search: Search;
  addon: {
    path: string;
    /** What it was built against; null when it was not built. */
    stamp: BuildStamp | null;
    /** The loaded engine's own report; null if the addon does not load. */
    info: EngineInfo | null;
  };
  system: { platform: string; release: string; arch: string };
  processor: Processor;
  memory: Memory;
  cache: { path: string; free: number };
  gpus: Gpu[];
  /** The engine's own report on the GPU that `--device auto` takes; null: that is the CPU. */
  gpuInfo: EngineInfo | null;
  problems: Problem[];
}

/** With less free memory than this, in bytes, even small models swap. */
const LITTLE_MEMORY = 1e9;

/** Runs all checks. Takes a few seconds, since the engine measures its matrix libraries. */
export function diagnose(): Diagnosis {
  const problems: Problem[] = [];
  const add = (severity: Problem['severity'], { code, message, fix }: GrpoError) =>
    problems.push({ severity, code, message, fix });

  const found = search();
  const addon = inspectAddon((problem) => add('error', problem));
  const works = addon.info !== null;
  const tools = buildTools();
  for (const { problem } of tools) if (problem !== null) add(works ? 'warning' : 'error', problem);

  if (found.chosen === null) add(works ? 'warning' : 'error', noLibtorch(found));
  for (const place of found.places) {
    if (place.libtorch?.problem) add('warning', place.libtorch.problem);
  }
  const mismatch = otherLibtorch(addon.stamp, found);
  if (works && mismatch !== null) add('warning', mismatch);

  const python = python3();
  if (found.chosen === null && (python === null || !hasVenv(python))) {
    const message = 'python3 with venv and pip is missing; setup fetches libtorch with it';
    add('error', new GrpoError('PYTHON_MISSING', message, { fix: `Install with: ${installLine()}` }));
  }
  const { gpus, problem: driverProblem } = nvidiaGpus();
  if (driverProblem !== null) {
    const fix = 'Restart the machine after an update of the driver, or install the driver again';
    add('warning', new GrpoError('GPU_DRIVER', `nvidia-smi fails: ${driverProblem}`, { fix }));
  }
  if (gpus.length > 0 && found.chosen?.cuda === null) {
    const message = `There is an NVIDIA GPU, but libtorch ${found.chosen.version} is a CPU build`;
    add(
      'warning',
      new GrpoError('LIBTORCH_CPU_ONLY', message, { fix: 'Run: npx grpo-native setup --fetch' }),
    );
  }
  // The CUDA libraries are loaded only when a CUDA device is used, so use it.
  let gpuInfo: EngineInfo | null = null;
  if (mayHaveGpu() && works && addon.stamp?.cuda) {
    try {
      gpuInfo = probeAddon('cuda');
    } catch (error) {
      if (error instanceof GrpoError) add('warning', cudaFails(error));
    }
  }
  const ram = memory();
  if (ram.free < LITTLE_MEMORY) {
    const message = `Only ${(ram.free / 1e9).toFixed(1)} GB of memory is free`;
    add(
      'warning',
      new GrpoError('LITTLE_MEMORY', message, { fix: 'Close other programs, or train a smaller model' }),
    );
  }
  return {
    versions: {
      grpoNative: packageVersion(),
      node: process.versions.node,
      npm: npmVersion(),
      python: python === null ? null : pythonVersion(python),
    },
    tools,
    search: found,
    addon,
    system: { platform: platform(), release: release(), arch: arch() },
    processor: processor(),
    memory: ram,
    cache: { path: cacheDir(), free: freeDisk(cacheDir()) },
    gpus,
    gpuInfo,
    problems,
  };
}

function inspectAddon(onProblem: (problem: GrpoError) => void): Diagnosis['addon'] {
  const path = addonPath();
  const stamp = buildStamp() ?? null;
  try {
    return { path, stamp, info: probeAddon() };
  } catch (error) {
    if (!(error instanceof GrpoError)) throw error;
    onProblem(error);
    return { path, stamp, info: null };
  }
}

function noLibtorch(found: Search): GrpoError {
  const named = found.places[0]!;
  if (named.where !== null && named.libtorch === null) {
    return new GrpoError('LIBTORCH_NOT_FOUND', `LIBTORCH names ${named.where}, which holds no libtorch`, {
      fix: 'Set it to the folder that holds include/ and lib/, or unset it',
    });
  }
  return new GrpoError('LIBTORCH_NOT_FOUND', 'No usable libtorch was found', {
    fix: 'Run: npx grpo-native setup',
  });
}

/** The addon keeps the path of its libtorch: training uses that one, whatever is found now. */
function otherLibtorch(stamp: BuildStamp | null, { chosen }: Search): GrpoError | null {
  if (stamp === null || chosen === null) return null;
  if (stamp.path === chosen.path && stamp.version === chosen.version) return null;
  const was = `${stamp.version} in ${stamp.path}`;
  return new GrpoError(
    'ADDON_OTHER_LIBTORCH',
    `The addon was built against libtorch ${was}, but ${chosen.version} in ${chosen.path} is found now`,
    {
      fix: 'To change over, run: npx grpo-native setup',
    },
  );
}

function cudaFails({ message, code }: GrpoError): GrpoError {
  return new GrpoError(code, `The NVIDIA GPU can't be used: ${message}`, {
    fix: 'Until that is mended, runs take the CPU. A libtorch for the GPU: npx grpo-native setup --fetch',
  });
}

/** npm and npx pass their version to the programs they run; otherwise npm is run to get it. */
function npmVersion(): string | null {
  const agent = /npm\/(\S+)/.exec(process.env.npm_config_user_agent ?? '')?.[1];
  return agent ?? (run('npm', ['--version'], { timeoutMs: 10_000 }).stdout.trim() || null);
}

/** Free bytes on the disk of a folder that exists or is yet to be created. */
function freeDisk(folder: string): number {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return bavail * bsize;
}
