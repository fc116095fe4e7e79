/**
 * Makes models/tiny, the embedded model: random weights of the Qwen2 architecture with a
 * character-level tokenizer, taught arithmetic by the project's own `sft` command until it samples
 * right answers about a quarter of the time. GRPO training by the user improves it from there.
 *
 *     npm run build && npx tsx scripts/make-tiny.ts
 *
 * It is trained only on problems of the training split, never on held-out ones. The same machine
 * makes the same bytes; another may round differently.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseModelConfig } from '../src/model/config.js';
import { encodeHeader } from '../src/model/safetensors.js';
import { expectedTensors } from '../src/model/tensor-names.js';
import { loadAddon } from '../src/engine/addon.js';
import { packageRoot } from '../src/machine/paths.js';

const SEED = 7;
const INITIALIZER_RANGE = 0.05;
const END = '<|endoftext|>';

/** The vocabulary: every character of the built-in tasks' prompts and answers. */
const CHARACTERS = [
  ...'0123456789+-*= :,.?!',
  ...'abcdefghijklmnopqrstuvwxyz',
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  '\n',
  ...'"\'()/<>%',
];

const config = {
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  vocab_size: 96,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_act: 'silu',
  initializer_range: INITIALIZER_RANGE,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-6,
  rope_theta: 10000.0,
  tie_word_embeddings: true,
  use_sliding_window: false,
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: 'float32',
};

const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [
    {
      id: 0,
      content: END,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'Split', pattern: { String: '' }, behavior: 'Isolated', invert: false },
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    type: 'WordLevel',
    vocab: Object.fromEntries([END, ...CHARACTERS].map((token, id) => [token, id])),
    unk_token: END,
  },
};

/** Normally distributed numbers (Box-Muller transform) from the engine's counter-based generator. */
function initialValues(tensor: number, name: string, size: number): Float32Array {
  if (name.includes('norm')) return new Float32Array(size).fill(1);
  const values = new Float32Array(size);
  if (name.endsWith('.bias')) return values;
  const addon = loadAddon();
  for (let i = 0; i < size; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - addon.uniform(SEED, tensor, i, 0, 0)));
    values[i] = INITIALIZER_RANGE * radius * Math.cos(2 * Math.PI * addon.uniform(SEED, tensor, i, 1, 0));
  }
  return values;
}

function writeInitialModel(folder: string): void {
  const json = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  json('config.json', config);
  json('generation_config.json', { bos_token_id: 0, eos_token_id: 0 });
  json('tokenizer.json', tokenizer);
  json('tokenizer_config.json', {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: END,
    pad_token: END,
    model_max_length: 512,
  });
  const tensors = expectedTensors(parseModelConfig(config));
  const bytes = tensors.map(({ name, shape }, i) => {
    const values = initialValues(
      i,
      name,
      shape.reduce((product, extent) => product * extent, 1),
    );
    return Buffer.from(values.buffer);
  });
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([encodeHeader(tensors), ...bytes]));
}

const scratch = mkdtempSync(join(tmpdir(), 'make-tiny-'));
try {
  writeInitialModel(scratch);
  const run = join(scratch, 'run');
  const flags = {
    model: scratch,
    task: 'arithmetic',
    seed: SEED,
    threads: 1,
    'batch-size': 64,
    'learning-rate': 1e-3,
    'lr-scheduler-type': 'constant_with_warmup',
    'warmup-steps': 50,
    'max-steps': 1000,
    'target-accuracy': 0.25,
    'eval-samples': 255,
    temperature: 0.7,
    'eval-steps': 10,
    'output-dir': run,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  execFileSync(process.execPath, [join(packageRoot(), 'dist', 'cli.js'), 'sft', ...args], {
    stdio: 'inherit',
  });
  const target = join(packageRoot(), 'models', 'tiny');
  mkdirSync(target, { recursive: true });
  for (const name of [
    'config.json',
    'generation_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'model.safetensors',
  ])
    copyFileSync(join(run, 'final', name), join(target, name));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
