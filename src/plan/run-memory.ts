/** What a run will take of memory, beside what there is. */
import { GrpoError } from '../errors.js';
import { memory } from '../memory.js';
import { parameterCount, readModelConfig } from '../model/config.js';
import { locateTensors } from '../model/safetensors.js';
import type { TrainableModel } from '../model/trainable.js';
import type { DType, EngineInfo, ModelConfig } from '../native/types.js';
import { bytes } from '../report/text.js';
import type { Problem } from '../tasks/task.js';
import { memoryParts, peakOf, type MemoryParts, type MemoryShape } from './memory.js';

/** How a run's batches are computed. */
export interface BatchShape {
  /** Prompts. */
  sampledTogether: number;
  /** That what was sampled together is learned from in. */
  parts: number;
}

export interface RunMemory extends MemoryParts {
  /** All parts together. */
  peak: number;
  /** What the run may take: the process as it is, and what is free. */
  available: number;
}

interface MachineOptions {
  dtype: DType;
  maxMemory: number | null;
  beta: number;
}

/** What a process grows by beside tensors: libtorch's code as it is used, JavaScript's heap. */
const GROWTH = 100e6;
/** What must stay free beside a checkpoint's copy (src/run/checkpoint-writer.ts). */
const MARGIN = 2 ** 30;

/** Of a model that is loaded, with its reference. */
export async function memoryOfRun(
  model: TrainableModel,
  engine: EngineInfo,
  problems: readonly Problem[],
  options: MachineOptions &
    BatchShape & {
      kind: 'grpo' | 'sft';
      numGenerations: number;
      maxCompletionLength: number;
      saveSteps: number;
      /** Its weights were read from; undefined: they were made or taught before. */
      folder: string | undefined;
    },
): Promise<{ bytes: RunMemory; fits: boolean; text: string }> {
  const { config } = model;
  const { sampledTogether: prompts, parts, maxCompletionLength, beta } = options;
  const longest = [...new Set(problems.map(({ prompt }) => prompt))]
    .map((prompt) => model.tokenizer.encode(prompt).length)
    .sort((a, b) => b - a)
    .slice(0, prompts);
  const shape: MemoryShape = {
    dtype: engine.dtype,
    beta,
    halfExact: options.folder === undefined ? 0 : await halfExact(options.folder, config),
    prompts,
    promptTokens: longest.reduce((sum, length) => sum + length, 0),
    completions: prompts * options.numGenerations,
    maxCompletionLength,
    parts,
    copies: false,
    supervised: options.kind === 'sft',
  };
  const rss = process.memoryUsage.rss();
  const held = memoryParts(config, shape, 0);
  const own = Math.max(0, rss - held.weights - held.reference) + GROWTH;
  const { maxMemory } = options;
  const available = maxMemory === null ? rss + memory().free : maxMemory * 1e9;
  const whole = memoryParts(config, shape, own);
  const copied = { ...whole, ...memoryParts(config, { ...shape, copies: options.saveSteps > 0 }, own) };
  // A copy is made where there is memory for it.
  const all = peakOf(copied) + MARGIN > available ? whole : copied;
  const peak = peakOf(all);
  return {
    bytes: { ...all, peak, available },
    fits: engine.device !== 'cpu' || peak <= available,
    text: `the run takes up to ${bytes(peak)}, and there are ${bytes(available)}`,
  };
}

/** Bytes that a run takes however small its batches are. */
export function least(
  config: ModelConfig,
  half: number,
  { dtype, beta }: Pick<MachineOptions, 'dtype' | 'beta'>,
) {
  const one = {
    prompts: 1,
    promptTokens: 8,
    completions: 1,
    maxCompletionLength: 2,
    parts: 1,
    copies: false,
  };
  return peakOf(memoryParts(config, { ...one, dtype, beta, halfExact: half }, GROWTH));
}

/**
 * Before the weights are read.
 * @throws {GrpoError} MEMORY, with the nearest options that fit
 */
export async function refuseUnfit(folder: string, options: MachineOptions): Promise<void> {
  const { maxMemory } = options;
  const config = await readModelConfig(folder);
  const half = await halfExact(folder, config);
  const free = maxMemory === null ? memory().free : maxMemory * 1e9 - process.memoryUsage.rss();
  const needed = least(config, half, options);
  if (needed <= free) return;
  throw new GrpoError(
    'MEMORY',
    `this run takes at least ${bytes(needed)} of memory, however small its batches, and ${maxMemory === null ? '' : 'of max_memory '}${bytes(Math.max(0, free))} are free`,
    { fix: nearestThatFits(config, half, options, free), value: needed, exitCode: 1 },
  );
}

/** The first of the changes that cost least, and what it takes. */
export function nearestThatFits(
  config: ModelConfig,
  half: number,
  options: MachineOptions,
  free: number,
): string {
  const changes: [string, Partial<MachineOptions>][] = [
    ['--dtype float32', { dtype: 'float32' }],
    ['--beta 0 (no reference)', { beta: 0 }],
    ['--beta 0 --dtype float32', { beta: 0, dtype: 'float32' }],
  ];
  const fitting = changes.filter(([, change]) => {
    const changed = { ...options, ...change };
    const same = Object.entries(change).every(([name, value]) => options[name as 'beta'] === value);
    return !same && least(config, half, changed) <= free;
  });
  if (fitting.length > 0) {
    const [text, change] = fitting[0]!;
    return `use ${text}: that takes ${bytes(least(config, half, { ...options, ...change }))}`;
  }
  // Weights, gradients and two moments, of four bytes each.
  const most = Math.max(0, free - GROWTH) / 16;
  return `use a smaller model: with --beta 0, one of up to ${Math.floor(most / 1e6)} million parameters fits (this one has ${Math.round(parameterCount(config) / 1e6)}); or free memory`;
}

/** Share of the parameters that a reference can hold in two bytes without losing any: those stored so. */
async function halfExact(folder: string, config: ModelConfig): Promise<number> {
  let exact = 0;
  for (const { dtype, shape } of await locateTensors(folder, config))
    if (dtype === 'BF16' && shape.length === 2) exact += shape[0]! * shape[1]!;
  return exact / parameterCount(config);
}
