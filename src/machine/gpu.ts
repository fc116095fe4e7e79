/** NVIDIA GPUs, as the system shows them: without libtorch, which may have no CUDA. */
import { existsSync } from 'node:fs';
import { run, which } from './exec.js';

/** A GPU that the driver lists. */
export interface Gpu {
  name: string;
  /** With its unit, as nvidia-smi prints it: `81559 MiB`. */
  memory: string;
  driver: string;
  /** CUDA's number for what the GPU can do: `9.0`. */
  computeCapability: string;
}

/** GPUs of this machine, or why the driver doesn't list them. */
export interface Gpus {
  gpus: Gpu[];
  /** What nvidia-smi says where it fails; null where it works, or isn't there. */
  problem: string | null;
}

/** Files that NVIDIA's driver makes for its devices; under WSL, the paravirtual one. */
const DEVICE_FILES = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dxg'];

/** Asks nvidia-smi, which takes up to some seconds. */
export function nvidiaGpus(): Gpus {
  if (which('nvidia-smi') === null) return { gpus: [], problem: null };
  const query = '--query-gpu=name,memory.total,driver_version,compute_cap';
  const { ok, stdout, stderr } = run('nvidia-smi', [query, '--format=csv,noheader'], { timeoutMs: 10_000 });
  if (!ok) return { gpus: [], problem: (stdout.trim() || stderr.trim()).split('\n')[0] ?? '' };
  const gpus = stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', memory = '', driver = '', computeCapability = ''] = line.split(/, */);
      return { name, memory, driver, computeCapability };
    });
  return { gpus, problem: null };
}

/** Whether it is worth loading CUDA to look for a GPU: takes no time. */
export function mayHaveGpu(): boolean {
  return DEVICE_FILES.some((file) => existsSync(file));
}
