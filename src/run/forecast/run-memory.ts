/** The memory that a run will take, compared with the memory that there is. */
import { GrpoError } from '../../common/errors.js';
import { BESIDE_TENSORS, freeWithin } from '../../machine/memory.js';
import { parameterCount, readModelConfig } from '../../model/config.js';
import { locateTensors } from '../../model/safetensors.js';
import { DEFAULT_LORA, type Lora } from '../../model/lora.js';
import type { TrainableModel } from '../../model/trainable.js';
import type { DeviceMemory, DType, EngineInfo, ModelConfig } from '../../engine/types.js';
import { bytes } from '../../common/format.js';
import { hasExactKl, type KlEstimator } from '../../grpo/losses/kl.js';
import { MARGIN } from '../folder/checkpoint-writer.js';
import { memoryParts, peakOf, type MemoryParts, type MemoryShape } from './memory.js';

/** How a run's batches are computed. */
export interface BatchShape {
  /** Number of prompts that are sampled together. */
  sampledTogether: number;
  /** Number of micro-batches that their completions are learned from in. */
  parts: number;
}

/** Bytes that a run takes at its largest, by part, beside what there is. */
export interface RunMemory extends MemoryParts {
  /** Sum over all purposes. */
  peak: number;
  /** What the run may take: what it has already, and what is free, within `maxMemory`. */
  available: number;
}

interface MachineOptions {
  /** `auto` takes as much as float32, or more. */
  dtype: DType | 'auto';
  maxMemory: number | null;
  beta: number;
  klEstimator?: KlEstimator;
  lora?: Lora | null;
}

/**
 * Bytes that a process with its model grows by beside tensors, as measured. (`BESIDE_TENSORS` is the bound
 * that is safe before a model is loaded.)
 */
const GROWTH = 60e6;
/** And where oneDNN multiplies, which keeps compiled code and working memory for each shape that it has met. */
const ONEDNN_GROWTH = 240e6;
/** What a GPU's libraries take of its memory beside tensors: workspaces of matrix products, unused blocks. */
const BESIDE_TENSORS_OF_GPU = 512e6;

/** Completions that were sampled together, as far as their memory goes. */
export type SampledTogether = readonly { prompt: string; completion: string; length: number }[];

/**
 * The memory of a run whose model and reference model are loaded: the most that it can take, and what it takes if
 * its steps are like one that was seen.
 */
export async function memoryOfRun(
  model: TrainableModel,
  engine: EngineInfo,
  /** Number of tokens of different prompts, the longest among them. */
  promptLengths: readonly number[],
  options: MachineOptions &
    BatchShape & {
      kind: 'grpo' | 'sft';
      numGenerations: number;
      maxCompletionLength: number;
      saveSteps: number;
      /** Whether checkpoints contain the reference model. */
      syncRefModel: boolean;
      /** Folder that the weights were read from; undefined: they are random, or were trained since. */
      folder: string | undefined;
    },
): Promise<{
  bytes: RunMemory;
  fits: boolean;
  text: string;
  /** Bytes at the peak of a run whose steps are like this one. */
  expectedPeak: (step: SampledTogether) => number;
}> {
  const { config } = model;
  const { sampledTogether: prompts, parts, maxCompletionLength, beta, klEstimator = 'k3' } = options;
  const longest = promptLengths.toSorted((a, b) => b - a).slice(0, prompts);
  const shape: MemoryShape = {
    dtype: engine.dtype,
    beta,
    halfExact: options.folder === undefined ? 0 : await halfExact(options.folder, config),
    prompts,
    promptTokens: longest.reduce((sum, length) => sum + length, 0),
    completions: prompts * options.numGenerations,
    maxCompletionLength,
    parts,
    checkpoint: 0,
    exactKl: hasExactKl({ beta, klEstimator }),
    supervised: options.kind === 'sft',
    lora: model.lora ?? null,
  };
  const { all, available, where } = engine.deviceMemory
    ? ofDevice(engine, engine.deviceMemory, config, shape, options.maxMemory)
    : ofProcess(engine, config, shape, options.maxMemory);
  // The copy that a checkpoint is written from is in main memory, and made only where there is room for it.
  const copy = options.saveSteps > 0 ? model.snapshotBytes({ reference: options.syncRefModel }) : 0;
  if (!engine.deviceMemory && peakOf(all) + copy + MARGIN <= available) all.checkpoint = copy;
  const peak = peakOf(all);
  const onGpu = engine.deviceMemory !== undefined;
  return {
    expectedPeak: (step) =>
      Math.min(
        peak,
        peakOf(
          memoryParts(config, { ...shape, ...seen(step), onGpu, checkpoint: all.checkpoint }, all.process),
        ),
      ),
    bytes: { ...all, peak, available },
    fits: peak <= available,
    text: `the run takes up to ${bytes(peak)}${where}, and there are ${bytes(available)}`,
  };
}

/**
 * The completions of a step as the token tree holds them: equal ones once. That others begin alike is not counted.
 */
function seen(step: SampledTogether): Partial<MemoryShape> {
  const distinct = [
    ...new Map(step.map((one) => [JSON.stringify([one.prompt, one.completion]), one])).values(),
  ];
  return {
    completions: distinct.length,
    completionTokens: distinct.reduce((sum, { length }) => sum + length - 1, 0),
    maxCompletionLength: Math.max(...distinct.map(({ length }) => length)),
  };
}

/** The memory of a run on the CPU: all that the process takes. */
function ofProcess(engine: EngineInfo, config: ModelConfig, shape: MemoryShape, maxMemory: number | null) {
  const rss = process.memoryUsage.rss();
  const held = memoryParts(config, shape, 0);
  const growth = GROWTH + (engine.matrixBackend === 'onednn' ? ONEDNN_GROWTH : 0);
  const own = Math.max(0, rss - held.weights - held.reference) + growth;
  return {
    all: memoryParts(config, shape, own),
    available: rss + freeWithin(maxMemory),
    where: '',
  };
}

/** The memory of a run on a GPU: what its tensors and libraries take there. */
function ofDevice(
  { device }: EngineInfo,
  { free }: DeviceMemory,
  config: ModelConfig,
  shape: MemoryShape,
  maxMemory: number | null,
) {
  const all = memoryParts(config, { ...shape, onGpu: true }, BESIDE_TENSORS_OF_GPU);
  const available = Math.min(free + all.weights + all.reference, (maxMemory ?? Infinity) * 1e9);
  return { all, available, where: ` of ${device}'s memory` };
}

/**
 * Bytes that a run takes with the smallest batches that are possible.
 * @param half share of the parameters that the reference model can hold in two bytes
 * @param beside bytes beside the tensors
 */
export function leastMemory(
  config: ModelConfig,
  half: number,
  { dtype, beta, lora = null }: Pick<MachineOptions, 'dtype' | 'beta' | 'lora'>,
  beside: number,
) {
  const one = {
    prompts: 1,
    promptTokens: 8,
    completions: 1,
    maxCompletionLength: 2,
    parts: 1,
    checkpoint: 0,
  };
  const type = dtype === 'auto' ? 'float32' : dtype;
  return peakOf(memoryParts(config, { ...one, dtype: type, beta, lora, halfExact: half }, beside));
}

/**
 * Refuses a run that can't fit into memory, before the weights are read.
 *
 * @param device memory of the GPU; null: the run is on the CPU
 * @throws {GrpoError} MEMORY, with the nearest options that fit
 */
export async function refuseUnfit(
  folder: string,
  options: MachineOptions,
  device: DeviceMemory | null,
): Promise<void> {
  const { maxMemory } = options;
  const config = await readModelConfig(folder);
  const half = await halfExact(folder, config);
  const free = device ? Math.min(device.free, (maxMemory ?? Infinity) * 1e9) : freeWithin(maxMemory);
  const beside = device ? BESIDE_TENSORS_OF_GPU : BESIDE_TENSORS;
  const needed = leastMemory(config, half, options, beside);
  if (needed <= free) return;
  throw new GrpoError(
    'MEMORY',
    `this run takes at least ${bytes(needed)} of ${device ? "the GPU's " : ''}memory, however small its batches, and ${maxMemory === null ? '' : 'of max_memory '}${bytes(Math.max(0, free))} are free`,
    { fix: nearestThatFits(config, half, options, free, beside), value: needed, exitCode: 1 },
  );
}

/** Advice for a run that does not fit: the change of options that costs least and suffices. */
export function nearestThatFits(
  config: ModelConfig,
  half: number,
  options: MachineOptions,
  free: number,
  beside: number,
): string {
  const changes: [string, Partial<MachineOptions>][] = [
    ['--dtype float32', { dtype: 'float32' }],
    ['--beta 0 (no reference model)', { beta: 0 }],
    ['--beta 0 --dtype float32', { beta: 0, dtype: 'float32' }],
  ];
  if (!options.lora)
    changes.push(['--use-peft (adapters learn in place of the weights)', { lora: DEFAULT_LORA }]);
  const fitting = changes.filter(([, change]) => {
    const changed = { ...options, ...change };
    const same = Object.entries(change).every(([name, value]) => options[name as 'beta'] === value);
    return !same && leastMemory(config, half, changed, beside) <= free;
  });
  if (fitting.length > 0) {
    const [text, change] = fitting[0]!;
    return `use ${text}: that takes ${bytes(leastMemory(config, half, { ...options, ...change }, beside))}`;
  }
  // A frozen parameter takes two bytes where it is stored in bfloat16.
  const most = Math.max(0, free - beside) / 2;
  return `use a smaller model: with --use-peft, one of up to ${Math.floor(most / 1e6)} million parameters fits (this one has ${Math.round(parameterCount(config) / 1e6)}); or free memory`;
}

/**
 * Share of the parameters that the reference model can hold in two bytes without loss: those stored in
 * bfloat16.
 */
async function halfExact(folder: string, config: ModelConfig): Promise<number> {
  let exact = 0;
  for (const { dtype, shape } of await locateTensors(folder, config))
    if (dtype === 'BF16' && shape.length === 2) exact += shape[0]! * shape[1]!;
  return exact / parameterCount(config);
}
