/**
 * The benchmark's cases. A step is a training step of the trainer: rollout, rewards, log-probs of the reference
 * model, loss and update. Each step has new problems, as in a first epoch, so that no log-probs of the
 * reference are cached from earlier steps.
 */
import { GrpoError } from '../src/common/errors.js';
import { nearest } from '../src/common/nearest.js';
import type { DType } from '../src/engine/types.js';
import { SHAPES } from './shapes.js';

export interface Case {
  name: string;
  describe: string;
  /** `step`: training steps, in one process. `start`: from the start of a process to its first token, a new process each time. */
  kind: 'step' | 'start';
  /** A name in `shapes.ts` (random weights), `tiny`, a folder, or a hub id. */
  model: string;
  /** Prompts per step. */
  prompts: number;
  /** Completions per prompt (G). */
  num_generations: number;
  max_completion_length: number;
  /** Tokens of a text before each problem, of its own; null: there is none. */
  prompt_tokens: number | null;
  dtype: DType;
  /** Rank of adapters on all linear layers, which learn in place of the weights (LoRA); null: all weights learn. */
  lora_r: number | null;
  /** `answer`: a completion ends as soon as its reward is decided; `none`: at `max_completion_length`, as in TRL. */
  stop: 'answer' | 'none';
  /** TRL's: `answer`, at the first token that is no part of a number; `none`, at its greatest length. */
  peer_stop: 'answer' | 'none';
  /** Weight of the KL penalty; above 0, so that a step includes the reference model's forward. */
  beta: number;
  learning_rate: number;
  /** Repeats that are measured, and unmeasured ones before them. */
  steps: number;
  warmup: number;
}

/** A learning rate that leaves the policy as it is. A policy that learned would change how long completions are, and so the work. */
const NO_LEARNING = 1e-12;

/** The research journal's baseline: 4 prompts x 16 on arithmetic, in float32. */
const JOURNAL = {
  kind: 'step',
  model: 'qwen2-0.5b',
  prompts: 4,
  num_generations: 16,
  max_completion_length: 16,
  prompt_tokens: null,
  dtype: 'float32',
  lora_r: null,
  stop: 'answer',
  peer_stop: 'none',
  beta: 0.1,
  learning_rate: NO_LEARNING,
  steps: 5,
  warmup: 1,
} satisfies Partial<Case>;

/** Completions of hundreds of tokens, which hardly share any. */
const LONG = {
  ...JOURNAL,
  model: 'smollm2-135m',
  num_generations: 8,
  stop: 'none',
  steps: 2,
} satisfies Partial<Case>;

export const CASES: Case[] = [
  {
    ...JOURNAL,
    name: 'tiny',
    describe: 'The embedded model, a step of its own defaults',
    model: 'tiny',
    prompts: 32,
    beta: 0.04,
    steps: 20,
    warmup: 5,
  },
  { ...JOURNAL, name: 'journal', describe: "The journal's step; completions end when answered" },
  {
    ...JOURNAL,
    name: 'journal-4',
    describe: 'The same with at most 4 tokens, and completions that end when answered in TRL too',
    max_completion_length: 4,
    peer_stop: 'answer',
  },
  { ...JOURNAL, name: 'journal-64', describe: 'The same with 64 completions a prompt', num_generations: 64 },
  { ...JOURNAL, name: 'journal-bf16', describe: 'The same in bfloat16', dtype: 'bfloat16' },
  {
    ...JOURNAL,
    name: 'same-work',
    describe: 'Every completion to its full length, as in TRL',
    stop: 'none',
    steps: 3,
  },
  {
    ...JOURNAL,
    name: 'same-work-bf16',
    describe: 'The same in bfloat16',
    stop: 'none',
    dtype: 'bfloat16',
    steps: 3,
  },
  { ...JOURNAL, name: 'journal-lora', describe: "The journal's step with adapters of rank 16", lora_r: 16 },
  {
    ...JOURNAL,
    name: 'same-work-lora',
    describe: 'Every completion to its full length, with adapters of rank 16',
    lora_r: 16,
    stop: 'none',
    steps: 3,
  },
  {
    ...JOURNAL,
    name: 'journal-1.5b-lora',
    describe: 'The same with the shape of Qwen2.5-1.5B',
    model: 'qwen2.5-1.5b',
    lora_r: 16,
    steps: 3,
  },
  {
    ...JOURNAL,
    name: 'journal-3b-lora',
    describe: 'The same with the shape of Qwen2.5-3B',
    model: 'qwen2.5-3b',
    lora_r: 16,
    steps: 2,
  },
  {
    ...LONG,
    name: 'long-128',
    describe: 'Completions of 128 tokens, 4 prompts x 8, SmolLM2-135M',
    max_completion_length: 128,
  },
  {
    ...LONG,
    name: 'long-512',
    describe: 'The same of 512 tokens',
    max_completion_length: 512,
    steps: 1,
  },
  {
    ...LONG,
    name: 'prompt',
    describe: 'Prompts of 400 tokens, answers of 4, as in classification: 8 prompts x 16, SmolLM2-135M',
    prompts: 8,
    num_generations: 16,
    prompt_tokens: 390,
    max_completion_length: 4,
  },
  { ...JOURNAL, name: 'scale-4', describe: 'How a step grows with prompts: 4' },
  { ...JOURNAL, name: 'scale-25', describe: 'How a step grows with prompts: 25', prompts: 25, steps: 3 },
  { ...JOURNAL, name: 'scale-100', describe: 'How a step grows with prompts: 100', prompts: 100, steps: 3 },
  {
    ...JOURNAL,
    name: 'start',
    describe: 'From the start of the process to the first sampled token',
    kind: 'start',
    model: 'tiny',
    prompts: 1,
    warmup: 1,
  },
];

/** Cases that run if none is named: two minutes, and no download. */
export const DEFAULT_CASES = ['tiny', 'journal'];

/** What flags of `bench` override in every case. */
export type Overrides = Partial<Pick<Case, 'model' | 'dtype' | 'steps' | 'warmup'>>;

/** @throws {GrpoError} UNKNOWN_CASE, with the nearest name */
export function chooseCases(names: string[], overrides: Overrides = {}): Case[] {
  const known = CASES.map(({ name }) => name);
  const chosen = [...new Set(names.length > 0 ? names : DEFAULT_CASES)].map((name) => {
    const found = CASES.find((one) => one.name === name);
    if (found) return { ...found, ...overrides };
    const close = nearest(name, known);
    throw new GrpoError('UNKNOWN_CASE', `there is no case ${JSON.stringify(name)}`, {
      fix: close ? `did you mean ${close}?` : `the cases are ${known.join(', ')}`,
      value: name,
    });
  });
  return chosen;
}

/** Whether a case's model is an architecture of `shapes.ts`, with random weights. */
export const isShape = (model: string): boolean => Object.hasOwn(SHAPES, model);
