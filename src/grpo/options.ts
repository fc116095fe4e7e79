/**
 * Options of the algorithm, by TRL's names. An option that only one loss reads is declared beside that loss.
 * The defaults are the research journal's baseline for real models.
 */
import { z } from 'zod';
import { path, share, whole } from '../config/declare.js';
import type { CamelKeys } from '../config/names.js';
import { SAMPLING_METHODS } from '../engine/types.js';
import { BASELINES, MULTI_OBJECTIVE_AGGREGATIONS, SCALE_REWARDS } from './advantages/types.js';
import { ESTIMATORS } from './estimators/types.js';
import { KL_ESTIMATORS } from './losses/kl.js';
import { SAPO_OPTIONS } from './losses/sapo.js';
import { IMPORTANCE_SAMPLING_LEVELS, LOSS_TYPES } from './losses/types.js';
import { VESPO_OPTIONS } from './losses/vespo.js';
import { PROBLEM_SAMPLINGS } from './problem-sampling/types.js';
import { SCHEDULES } from './schedule.js';

export const BATCH_OPTIONS = {
  batch_size: whole(1).default(64).describe('Completions an optimiser step; a multiple of num_generations'),
  num_generations: whole(2).default(16).describe('Completions of a prompt, compared with each other'),
  gradient_accumulation_steps: whole(1).default(1).describe('Micro-batches of a step; more take less memory'),
  steps_per_generation: whole(1)
    .nullable()
    .default(null)
    .describe(
      'Micro-batches sampled at once, for one optimiser step after another (null: gradient_accumulation_steps)',
    ),
  num_iterations: whole(1).default(1).describe('Times that each completion is learned from'),
};

export const OPTIMIZER_OPTIONS = {
  learning_rate: z.number().positive().max(1).default(5e-6).describe('AdamW step size, at its highest'),
  lr_scheduler_type: z.enum(SCHEDULES).default('linear').describe('Learning-rate schedule'),
  lr_scheduler_kwargs: z
    .record(z.string(), z.number())
    .nullable()
    .default(null)
    .meta({ allowed: 'names with numbers, such as min_lr_rate=0.1, or null' })
    .describe("The schedule's own: min_lr or min_lr_rate, num_cycles, power, lr_end, timescale"),
  warmup_steps: whole(0).default(0).describe('Steps over which the learning rate rises from 0'),
  warmup_ratio: share().default(0).describe('The same as a share of all steps, where warmup_steps is 0'),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the mean of gradients'),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe('Decay of the mean of squared gradients'),
  adam_epsilon: z.number().positive().default(1e-8).describe('Keeps AdamW from dividing by zero'),
  weight_decay: z.number().min(0).default(0).describe('Decoupled weight decay'),
  max_grad_norm: z.number().min(0).default(1).describe('Gradients are scaled down to this norm (0: never)'),
  on_nonfinite: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('What follows a loss or gradient of NaN or Infinity; the step is never applied'),
};

export const LOSS_OPTIONS = {
  beta: z.number().min(0).default(0.1).describe('Weight of the KL to the reference model (0: none is kept)'),
  epsilon: z.number().positive().max(1).default(0.2).describe('How far below 1 a probability ratio counts'),
  epsilon_high: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('How far above 1 a probability ratio counts (null: epsilon)'),
  algorithm: path()
    .nullable()
    .default(null)
    .describe(
      'A module with advantages or a loss of your own (./my-algorithm.ts); null: as these options say',
    ),
  loss_type: z.enum(LOSS_TYPES).default('grpo').describe('The loss: docs/losses.md has each'),
  importance_sampling_level: z
    .enum(IMPORTANCE_SAMPLING_LEVELS)
    .default('token')
    .describe("Whose probability ratio counts: a token's own, or its completion's (GSPO)"),
  delta: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Greatest ratio of an unclipped term: two-sided clipping (null: none)'),
  scale_rewards: z
    .enum(SCALE_REWARDS)
    .default('group')
    .describe('What advantages are divided by: a standard deviation, nothing, or the mean reward (MaxRL)'),
  reward_weights: z
    .array(z.number())
    .min(1)
    .nullable()
    .default(null)
    .describe('Weight of each reward function (null: 1 each)'),
  multi_objective_aggregation: z
    .enum(MULTI_OBJECTIVE_AGGREGATIONS)
    .default('sum_then_normalize')
    .describe('Of several rewards: their sum is normalised, or each of them (GDPO)'),
  mask_truncated_completions: z
    .boolean()
    .default(false)
    .describe('Learn nothing from completions that max_completion_length ended'),
  top_entropy_quantile: share()
    .default(1)
    .describe('Share of the tokens, those of highest entropy, that are learned from'),
  off_policy_mask_threshold: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Leave out bad completions that the policy has left by more than this (null: none)'),
  kl_estimator: z
    .enum(KL_ESTIMATORS)
    .default('k3')
    .describe('How the KL is told: by the drawn token, or exactly, over the whole vocabulary'),
  use_bias_correction_kl: z.boolean().default(false).describe('Multiply the KL by the probability ratio'),
  ...SAPO_OPTIONS,
  ...VESPO_OPTIONS,
};

export const ENTROPY_OPTIONS = {
  entropy_coef: z.number().default(0).describe('Weight of an entropy bonus'),
  use_adaptive_entropy: z
    .boolean()
    .default(false)
    .describe('Move entropy_coef so that the entropy stays above entropy_target'),
  entropy_coef_min: z.number().default(0).describe('Lowest value of entropy_coef'),
  entropy_coef_max: z.number().default(1).describe('Highest value of entropy_coef'),
  entropy_coef_delta: z.number().min(0).default(0.005).describe('How far entropy_coef moves in a step'),
  entropy_target: z.number().default(0.2).describe('Entropy, in nats, below which the bonus acts'),
};

export const REFERENCE_OPTIONS = {
  sync_ref_model: z.boolean().default(false).describe('Let the reference model follow the policy'),
  ref_model_mixup_alpha: share()
    .default(0.6)
    .describe('Share of the policy that is mixed into the reference model'),
  ref_model_sync_steps: whole(1).default(512).describe('Steps between two such mixes'),
};

export const SAMPLING_OPTIONS = {
  max_completion_length: whole(1).max(32768).default(16).describe('Tokens of a completion at most'),
  temperature: z.number().positive().max(100).default(0.7).describe('Softmax temperature of sampling'),
  top_k: whole(0).default(0).describe('Sample from the k most likely tokens (0: all)'),
  top_p: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe('Sample from the likeliest tokens that reach this share'),
  min_p: share().default(0).describe('Drop tokens less likely than this share of the likeliest'),
  repetition_penalty: z
    .number()
    .positive()
    .max(10)
    .default(1)
    .describe('Above 1: makes repetition less likely'),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .default('answer')
    .meta({ allowed: 'answer, none, a text, or a list of texts' })
    .describe('Ends a completion: answer (when the reward is decided), none, a text or a list of texts'),
};

export const ESTIMATOR_OPTIONS = {
  estimator: z
    .enum(ESTIMATORS)
    .default('counts')
    .describe('What a completion counts by: its draws, or its exact probability (docs/estimators.md)'),
  baseline: z
    .enum(BASELINES)
    .default('mean')
    .describe('What a reward is compared with: the mean of its group, or of the others in it (RLOO)'),
  sampling_method: z
    .enum(SAMPLING_METHODS)
    .default('independent')
    .describe('How the completions of a prompt are chosen: each by itself, or distinct ones'),
  sampling_coverage: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe('Share of the policy that is enough for sampling_method most_probable (1: no share is)'),
  sampling_temperature: z
    .number()
    .positive()
    .max(100)
    .nullable()
    .default(null)
    .describe('Temperature of the draws alone, where the estimator weighs them exactly (null: temperature)'),
};

export const PROBLEM_OPTIONS = {
  problem_sampling: z
    .enum(PROBLEM_SAMPLINGS)
    .default('uniform')
    .describe(
      'Choice of problems: each once an epoch, those that can teach, or until enough groups have spread',
    ),
  problem_half_life: z
    .number()
    .positive()
    .default(50)
    .describe('Steps after which what a problem showed counts half in problem_sampling posterior'),
  dynamic_sampling_rounds: whole(1)
    .default(4)
    .describe('Times that problem_sampling dynamic samples for a step, at most'),
};

type Shape = typeof BATCH_OPTIONS &
  typeof ESTIMATOR_OPTIONS &
  typeof PROBLEM_OPTIONS &
  typeof OPTIMIZER_OPTIONS &
  typeof LOSS_OPTIONS &
  typeof ENTROPY_OPTIONS &
  typeof REFERENCE_OPTIONS &
  typeof SAMPLING_OPTIONS;

/** What the algorithm reads of a run's options, resolved. */
export type GrpoOptions = Omit<CamelKeys<z.output<z.ZodObject<Shape>>>, 'epsilonHigh' | 'stop'> & {
  /** `epsilon` where nothing else was said. */
  epsilonHigh: number;
  /** Decides the order of problems and every random draw of sampling. */
  seed: number;
  /** Seconds that a reward function may take for a batch; 0: no limit. */
  rewardTimeout: number;
};
