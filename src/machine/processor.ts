/** What this machine computes with: processor, GPU, and how much of them this process may use. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { controlGroups } from './control-groups.js';
import { run } from './exec.js';

export interface Processor {
  model: string;
  /** Physical cores; hyper-threads are not counted. */
  physicalCores: number;
  logicalCores: number;
  /** The instruction set extensions it has, out of avx2, avx512f, avx512_bf16, amx_tile, amx_bf16, asimd and bf16. */
  features: string[];
}

/** Vector and matrix extensions that libtorch's speed depends on. */
const FEATURES = ['avx2', 'avx512f', 'avx512_bf16', 'amx_tile', 'amx_bf16', 'asimd', 'bf16'];

export function processor(): Processor {
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const flags = new Set((/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? '').split(/\s+/));
  const logicalCores = cpus().length;
  return {
    model: cpus()[0]?.model.trim() ?? 'unknown',
    physicalCores: physicalCores(info) ?? logicalCores,
    logicalCores,
    features: FEATURES.filter((name) => flags.has(name)),
  };
}

function physicalCores(info: string): number | null {
  if (process.platform === 'darwin') {
    return Number(run('sysctl', ['-n', 'hw.physicalcpu']).stdout) || null;
  }
  const cores = info.split('\n\n').flatMap((block) => {
    const socket = /^physical id\s*:\s*(\d+)/m.exec(block)?.[1];
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    return core === undefined ? [] : [`${socket ?? '0'}/${core}`];
  });
  return new Set(cores).size || null;
}

/**
 * CPU time per second that a container may use, in processors (cgroup v2's `cpu.max`, v1's `cpu.cfs_quota_us`).
 * Infinity without a limit. The number of processors that Node reports doesn't reflect it.
 */
export function cpuQuota(root = '/'): number {
  const quotas = controlGroups('cpu', root).map(({ version, read }) => {
    const [quota, period] =
      version === 2
        ? (read('cpu.max') ?? '').split(' ')
        : [read('cpu.cfs_quota_us'), read('cpu.cfs_period_us')];
    // `max`, and -1 in v1, are no limit.
    const share = Number(quota) / Number(period);
    return share > 0 ? share : Infinity;
  });
  return Math.min(Infinity, ...quotas);
}

/** How many jobs to run in parallel: limited by the processors this process is bound to, and by its quota. */
export const usableCores = (root = '/'): number =>
  Math.max(1, Math.floor(Math.min(availableParallelism(), cpuQuota(root))));

/**
 * Threads for the engine; 0 lets libtorch take one for each physical core. libtorch doesn't know of CPU quotas.
 * With more threads than the quota allows, the system keeps pausing all of them, and the running ones wait for
 * the paused ones: so the quota, rounded down, is the number of threads.
 */
export function engineThreads(asked: number, root = '/'): number {
  const { OMP_NUM_THREADS, MKL_NUM_THREADS } = process.env;
  if (asked > 0 || OMP_NUM_THREADS || MKL_NUM_THREADS) return asked;
  const quota = cpuQuota(root);
  if (quota === Infinity) return 0;
  return quota < Math.min(availableParallelism(), processor().physicalCores)
    ? Math.max(1, Math.floor(quota))
    : 0;
}
