import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { nvidiaGpus } from '../../../src/machine/gpu.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-gpu-'));
  vi.stubEnv('PATH', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts an nvidia-smi of ours on the path. */
function nvidiaSmi(script: string): void {
  const file = join(folder, 'nvidia-smi');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

it('finds no GPU where there is no nvidia-smi', () => {
  expect(nvidiaGpus()).toEqual({ gpus: [], problem: null });
});

it('reads each GPU that the driver lists', () => {
  nvidiaSmi(
    'echo "NVIDIA H100 80GB HBM3, 81559 MiB, 570.86.15, 9.0"; echo "Tesla T4, 15360 MiB, 570.86.15, 7.5"',
  );
  expect(nvidiaGpus()).toEqual({
    gpus: [
      { name: 'NVIDIA H100 80GB HBM3', memory: '81559 MiB', driver: '570.86.15', computeCapability: '9.0' },
      { name: 'Tesla T4', memory: '15360 MiB', driver: '570.86.15', computeCapability: '7.5' },
    ],
    problem: null,
  });
});

it('keeps what nvidia-smi says where it fails', () => {
  nvidiaSmi('echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18');
  expect(nvidiaGpus()).toEqual({
    gpus: [],
    problem: 'Failed to initialize NVML: Driver/library version mismatch',
  });
});
