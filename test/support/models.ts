/** Fixture models in an engine, batches for them, and their tensors. */
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { shapeTokenizer } from '../../bench/shape-tokenizer.js';
import { parseModelConfig } from '../../src/model/config.js';
import { LanguageModel, type InitializeOptions, type LoadOptions } from '../../src/model/language-model.js';
import type { Batch, ModelConfig, TensorKind } from '../../src/engine/types.js';
import { DEVICE } from './device.js';
import { fixtureModel } from './fixtures.js';

/** Every fixture model that has a `reference.json`. */
export const MODELS = ['qwen2-tied', 'qwen2-untied', 'qwen3-tied', 'llama-tied'];

/** A small model, whose products the libraries multiply in the ways that they have for large ones. */
export const QWEN2_SMALL = parseModelConfig({
  model_type: 'qwen2',
  vocab_size: 512,
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  tie_word_embeddings: true,
});

type Options = Omit<LoadOptions, 'model'>;

// One thread unless a test is about threads: at these sizes a second one only waits.
const open = (folder: string, options: Options) =>
  LanguageModel.load({ device: DEVICE, threads: 1, ...options, model: folder });

/** A model that is disposed of when the test is over. */
export async function loadModel(folder: string, options: Options = {}): Promise<LanguageModel> {
  const model = await open(folder, options);
  onTestFinished(() => model.dispose());
  return model;
}

/** A model of random weights, disposed of when the test is over. */
export async function randomModel(
  config: ModelConfig,
  options: Partial<Omit<InitializeOptions, 'config'>> = {},
): Promise<LanguageModel> {
  const model = await LanguageModel.initialize({
    config,
    tokenizer: shapeTokenizer(config.vocabSize),
    eosTokenIds: [],
    seed: 1,
    device: DEVICE,
    threads: 1,
    ...options,
  });
  onTestFinished(() => model.dispose());
  return model;
}

/** One model for all tests of the `describe` around it. */
export function sharedModel(name: string, options: Options = {}): () => LanguageModel {
  let model: LanguageModel | undefined;
  beforeAll(async () => {
    model = await open(fixtureModel(name), options);
  });
  afterAll(() => model?.dispose());
  return () => model!;
}

export interface Tree {
  prompt: ArrayLike<number>;
  completions: ArrayLike<number>[];
}

export const batchOf = (trees: Tree[]): Batch => ({
  prompts: trees.map(({ prompt }) => Int32Array.from(prompt)),
  completions: trees.flatMap(({ completions }) => completions.map((ids) => Int32Array.from(ids))),
  promptOf: Int32Array.from(trees.flatMap(({ completions }, tree) => completions.map(() => tree))),
});

/** The batch taken apart: each completion with its prompt, alone. */
export const alone = (batch: Batch): Batch[] =>
  batch.completions.map((completion, i) => ({
    prompts: [batch.prompts[batch.promptOf[i]!]!],
    completions: [completion],
    promptOf: Int32Array.of(0),
  }));

/** Values of a batch's tokens, one array a completion. */
export function byCompletion(values: Float32Array, batch: Batch): Float32Array[] {
  let begin = 0;
  return batch.completions.map(({ length }) => values.subarray(begin, (begin += length)));
}

/** Completion tokens of a batch. */
export const tokenCount = (batch: Batch): number =>
  batch.completions.reduce((total, { length }) => total + length, 0);

/** All tensors of a kind, by name. */
export async function tensorsOf(
  { engine }: LanguageModel,
  kind: TensorKind,
): Promise<Map<string, Float32Array>> {
  const parameters = await engine.parameters();
  const values = await Promise.all(parameters.map(({ name }) => engine.tensor(name, kind)));
  return new Map(parameters.map(({ name }, i) => [name, values[i]!]));
}

/** AdamW as a fixture run or a test wants it; plain gradient information survives `maxGradNorm: 0`. */
export const ADAMW = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  noWeightDecay: [] as string[],
  maxGradNorm: 0,
};
