import type { TrainPlan } from '../../src/grpo/events.js';

/** Of a run of 100 steps on the embedded model. */
export const plan = (changed: Partial<TrainPlan> = {}): TrainPlan => ({
  kind: 'grpo',
  model: 'tiny',
  modelFolder: '/models/tiny',
  modelType: 'qwen2',
  parameters: 800_896,
  engine: {
    torchVersion: '2.15.0',
    device: 'cpu',
    dtype: 'float32',
    threads: 2,
    matrixBackend: 'mkl',
    matrixGflops: { mkl: 200 },
    cpuCapability: 'AVX512',
  },
  task: 'arithmetic',
  trainProblems: 1068,
  repeatedShare: 0,
  heldOutProblems: 200,
  evalSamples: 200,
  steps: 100,
  startStep: 0,
  promptsPerStep: 4,
  completionsPerStep: 16,
  numGenerations: 4,
  epochs: 1,
  beta: 0.04,
  memory: { needed: 16e6, free: 8e9 },
  outputDir: '/runs/a',
  ...changed,
});
