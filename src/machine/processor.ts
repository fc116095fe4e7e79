/** What this machine is: processor, GPU. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { run, which } from './exec.js';

export interface Processor {
  model: string;
  /** Cores with arithmetic units of their own; hyper-threads are not counted. */
  physicalCores: number;
  logicalCores: number;
  /** Those of avx2, avx512f, avx512_bf16, amx_tile, amx_bf16, asimd and bf16 that it has. */
  features: string[];
}

/** Vector and matrix instructions that decide how fast libtorch is. */
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

/** `name, memory, driver` of each NVIDIA GPU; empty where there is none, or no driver. */
export function nvidiaGpus(): string[] {
  if (which('nvidia-smi') === null) return [];
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const result = run('nvidia-smi', query, { timeoutMs: 10_000 });
  return result.ok ? result.stdout.split('\n').filter((line) => line.trim() !== '') : [];
}

export function hasNvidiaGpu(): boolean {
  return nvidiaGpus().length > 0;
}
