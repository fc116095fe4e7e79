/**
 * Every option, declared once: its type, bounds, default and what it does. Flags, help, YAML files,
 * the printed configuration and the TypeScript types all follow from here.
 *
 * Names are TRL's. Defaults are the research journal's baseline for real models; `defaults.ts` has
 * those of the embedded one.
 */
import { z } from 'zod';
import { MULTI_OBJECTIVE_AGGREGATIONS, SCALE_REWARDS } from '../grpo/advantages.js';
import { IMPORTANCE_SAMPLING_LEVELS, LOSS_TYPES } from '../grpo/losses/types.js';
import { SCHEDULES } from '../grpo/schedule.js';
import { expandHome } from '../paths.js';
import { TRACKERS } from '../trackers/tracker.js';

const whole = (least: number) => z.number().int().min(least);
const share = () => z.number().min(0).max(1);
/** Of a file, a folder or a module, or what may be one. */
const path = () => z.string().min(1).overwrite(expandHome);

const taskOptions = {
  task: path()
    .default('arithmetic')
    .describe('A built-in task (arithmetic, counting, comparison, binary, mixed) or a module (./my-task.ts)'),
  task_weights: z
    .record(path(), z.number().positive())
    .nullable()
    .default(null)
    .describe('Tasks of mixed and their shares (null: arithmetic=2,counting=1,comparison=1)'),
  max_operand: whole(1)
    .max(9999)
    .nullable()
    .default(null)
    .describe('Largest number in a problem (null: 20; of binary 255)'),
  operations: z
    .string()
    .regex(/^[-+*]+$/)
    .default('+-*')
    .meta({ allowed: 'some of + - *, written together' })
    .describe('Operations of the arithmetic task'),
};

/** What a stage of a curriculum may change. */
const stage = z.strictObject({
  until_epoch: whole(1).optional(),
  task: taskOptions.task.unwrap().optional(),
  task_weights: taskOptions.task_weights.unwrap().unwrap().optional(),
  max_operand: taskOptions.max_operand.unwrap().unwrap().optional(),
  operations: taskOptions.operations.unwrap().optional(),
  train_samples: whole(1).optional(),
});

const what = {
  model: path()
    .default('tiny')
    .describe('tiny, a folder in the Hugging Face layout, a run (runs/NAME), or a hub id'),
  ...taskOptions,
  reward: z
    .union([path(), z.array(path()).min(1)])
    .nullable()
    .default(null)
    .meta({ allowed: 'task, partial_credit, a module, a list of these, or null' })
    .describe(
      "Reward functions: task (its own), partial_credit, or a module (./my-reward.ts); several add up (null: the task's own)",
    ),
  reward_timeout: z
    .number()
    .min(0)
    .default(120)
    .describe('Seconds that a reward function may take for a batch of completions (0: no limit)'),
};

const start = {
  preset: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('An experiment of the journal by name (see presets): its options, where no other is given'),
  init_from: path()
    .nullable()
    .default(null)
    .describe('Run whose weights this one starts from (runs/NAME, or runs/NAME/checkpoint-N)'),
};

const run = {
  output_dir: path().nullable().default(null).describe('Run folder (null: a new one in runs/)'),
  resume: z
    .union([z.boolean(), z.string().regex(/^checkpoint-\d+$/)])
    .default(false)
    .meta({ allowed: 'true, false, or a checkpoint such as checkpoint-40' })
    .describe('Continue the run in the run folder, from its newest whole checkpoint or from checkpoint-N'),
  seed: whole(0)
    .max(2 ** 31 - 1)
    .default(42)
    .describe('Decides the order of problems and every draw'),
};

const trackerName = z.enum(['none', ...TRACKERS]);

const tracking = {
  report_to: z
    .union([trackerName, z.array(trackerName).min(1)])
    .default('none')
    .meta({ allowed: `none, ${TRACKERS.join(', ')}, or a list of these` })
    .describe('Where the run is told of as it goes; several by a flag each'),
  run_name: z.string().min(1).nullable().default(null).describe("The run's name there (null: its folder's)"),
};

const length = {
  max_steps: whole(-1)
    .refine((steps) => steps !== 0)
    .meta({ allowed: 'a whole number of at least 1, or -1' })
    .default(-1)
    .describe('Optimiser steps (-1: as num_train_epochs says)'),
  num_train_epochs: z.number().positive().default(3).describe('Passes over the training problems'),
  train_samples: whole(1).nullable().default(null).describe('Training problems used (null: all)'),
  unique_samples: whole(1)
    .nullable()
    .default(null)
    .describe('Different ones among train_samples, the others repeat these (null: all are different)'),
};

const curriculum = {
  curriculum: z
    .array(stage)
    .min(1)
    .nullable()
    .default(null)
    .meta({
      allowed:
        'a list of stages, such as [{until_epoch: 20, max_operand: 10}, {}], with until_epoch, task, task_weights, max_operand, operations and train_samples',
    })
    .describe('Stages of the training problems, each until an epoch (null: one)'),
};

const batch = {
  batch_size: whole(1).default(64).describe('Completions an optimiser step; a multiple of num_generations'),
  num_generations: whole(2).default(16).describe('Completions of a prompt, compared with each other'),
  gradient_accumulation_steps: whole(1)
    .default(1)
    .describe('Parts a step is forwarded in; more take less memory'),
  steps_per_generation: whole(1)
    .nullable()
    .default(null)
    .describe(
      'Parts sampled at once, for one optimiser step after another (null: gradient_accumulation_steps)',
    ),
  num_iterations: whole(1).default(1).describe('Times that each completion is learned from'),
};

const optimizer = {
  learning_rate: z.number().positive().max(1).default(5e-6).describe('AdamW step size, at its highest'),
  lr_scheduler_type: z.enum(SCHEDULES).default('linear').describe('How the learning rate goes down'),
  lr_scheduler_kwargs: z
    .record(z.string(), z.number())
    .nullable()
    .default(null)
    .meta({ allowed: 'names with numbers, such as min_lr_rate=0.1, or null' })
    .describe("The schedule's own: min_lr or min_lr_rate, num_cycles, power, lr_end, timescale"),
  warmup_steps: whole(0).default(0).describe('Steps over which the learning rate goes up'),
  warmup_ratio: share().default(0).describe('The same as a share of all steps, where warmup_steps is 0'),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the mean of gradients'),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe('Decay of the mean of squared gradients'),
  adam_epsilon: z.number().positive().default(1e-8).describe('Keeps AdamW from dividing by zero'),
  weight_decay: z.number().min(0).default(0).describe('Decoupled weight decay'),
  max_grad_norm: z.number().min(0).default(1).describe('Gradients are scaled down to this norm (0: never)'),
  on_nonfinite: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('What follows a loss or gradient that is no number; the step is never applied'),
};

const loss = {
  beta: z
    .number()
    .min(0)
    .default(0.1)
    .describe('Weight of the KL to the reference (0: no reference is kept)'),
  epsilon: z.number().positive().max(1).default(0.2).describe('How far below 1 a probability ratio counts'),
  epsilon_high: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('How far above 1 a probability ratio counts (null: epsilon)'),
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
    .describe('Standard deviation that advantages are divided by'),
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
  use_bias_correction_kl: z.boolean().default(false).describe('Multiply the KL by the probability ratio'),
  sapo_temperature_pos: z.number().positive().default(1).describe("sapo's temperature, advantage above 0"),
  sapo_temperature_neg: z.number().positive().default(1.05).describe('The same, advantage 0 or below'),
  vespo_k_pos: z.number().min(0).default(2).describe("vespo's exponent, advantage 0 or above"),
  vespo_lambda_pos: z.number().min(0).default(3).describe("vespo's decay, advantage 0 or above"),
  vespo_k_neg: z.number().min(0).default(3).describe("vespo's exponent, advantage below 0"),
  vespo_lambda_neg: z.number().min(0).default(2).describe("vespo's decay, advantage below 0"),
};

const entropy = {
  entropy_coef: z.number().default(0).describe('Weight of an entropy bonus'),
  use_adaptive_entropy: z
    .boolean()
    .default(false)
    .describe('Move entropy_coef so that the entropy stays above entropy_target'),
  entropy_coef_min: z.number().default(0).describe('Least that it moves to'),
  entropy_coef_max: z.number().default(1).describe('Most that it moves to'),
  entropy_coef_delta: z.number().min(0).default(0.005).describe('How far it moves a step'),
  entropy_target: z.number().default(0.2).describe('Entropy, in nats, below which the bonus acts'),
};

const probing = {
  probe: z
    .boolean()
    .default(true)
    .describe('Try the first steps without learning, for some seconds, and say what the run will be like'),
};

const reference = {
  sync_ref_model: z.boolean().default(false).describe('Let the reference follow the policy'),
  ref_model_mixup_alpha: share().default(0.6).describe('How much of the policy the reference takes on'),
  ref_model_sync_steps: whole(1).default(512).describe('Steps after which it does'),
};

const sampling = {
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

const watching = {
  eval_steps: whole(0)
    .default(50)
    .describe('Steps between evaluations on held-out problems (0: before and after)'),
  eval_samples: whole(0).default(200).describe('Held-out problems in an evaluation (0: no evaluation)'),
  save_steps: whole(0)
    .default(100)
    .describe('Steps between checkpoints (0: one at the end, or when interrupted)'),
  save_total_limit: whole(0).default(2).describe('Checkpoints kept (0: all)'),
  num_completions_to_print: whole(0).default(4).describe('Completions of a group in a table (0: no tables)'),
  completions_steps: whole(0)
    .nullable()
    .default(null)
    .describe('Steps between tables of completions, best and worst group (null: five in a run; 0: none)'),
};

const machine = {
  dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('Type of number that is computed with'),
  device: z
    .string()
    .regex(/^(cpu|cuda(:\d+)?)$/)
    .default('cpu')
    .meta({ allowed: 'cpu, cuda or cuda:N' })
    .describe('cpu, cuda or cuda:N'),
  threads: whole(0)
    .max(1024)
    .default(0)
    .describe('CPU threads (0: one a physical core, within the quota of a container)'),
  max_memory: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('GB of memory that the process may take (null: what is free)'),
};

/** A model that is asked, not taught, may be asked for its most likely token. */
const anyTemperature = z.number().min(0).max(100).describe('Softmax temperature (0: the most likely token)');

export const TRAIN = z.strictObject({
  ...what,
  ...start,
  ...run,
  ...length,
  ...batch,
  ...curriculum,
  ...optimizer,
  ...loss,
  ...entropy,
  ...reference,
  ...sampling,
  ...watching,
  ...probing,
  ...tracking,
  ...machine,
});

/** Supervised: `batch_size` problems a step, each with its answer. */
export const SFT = z.strictObject({
  ...what,
  ...run,
  ...length,
  batch_size: whole(1).default(32).describe('Problems an optimiser step'),
  gradient_accumulation_steps: batch.gradient_accumulation_steps,
  ...optimizer,
  learning_rate: optimizer.learning_rate.default(2e-5),
  max_completion_length: sampling.max_completion_length,
  stop: sampling.stop,
  temperature: anyTemperature.default(0),
  ...watching,
  target_accuracy: share()
    .nullable()
    .default(null)
    .describe('Ends the run when an evaluation reaches it (null: at the last step)'),
  ...tracking,
  ...machine,
});

export const EVAL = z.strictObject({
  ...what,
  split: z.enum(['held_out', 'train']).default('held_out').describe('Which problems'),
  samples: whole(1).nullable().default(null).describe('How many of them (null: all)'),
  seed: run.seed,
  ...sampling,
  temperature: anyTemperature.default(0),
  batch_size: whole(1).default(64).describe('Problems sampled together'),
  ...machine,
});

export const CHECK_REWARD = z.strictObject({
  ...taskOptions,
  reward: what.reward,
  reward_timeout: what.reward_timeout.default(10),
  samples: whole(2).default(2).describe('Problems that completions are made up for'),
});

export const GENERATE = z.strictObject({
  model: what.model,
  prompt: z.string().min(1).describe('Text to go on from'),
  num: whole(1).default(1).describe('Completions'),
  seed: run.seed,
  ...sampling,
  stop: sampling.stop
    .default('none')
    .meta({ allowed: 'none, a text, or a list of texts' })
    .describe('Ends a completion: none, a text or a list of texts'),
  temperature: anyTemperature.default(0.7),
  max_completion_length: sampling.max_completion_length.default(64),
  ...machine,
});

export const SCORE = z.strictObject({
  model: what.model,
  temperature: z
    .number()
    .positive()
    .max(100)
    .default(1)
    .describe('Softmax temperature of the log-probabilities'),
  batch_size: whole(1).default(64).describe('Lines scored together'),
  ...machine,
});

/** Null: as the case says. */
export const BENCH = z.strictObject({
  model: path()
    .nullable()
    .default(null)
    .describe(
      "In place of the cases' own: qwen2-0.5b or smollm2-135m (random weights), tiny, a folder or a hub id",
    ),
  steps: whole(1).nullable().default(null).describe("Repeats that are measured (null: the case's)"),
  warmup: whole(0).nullable().default(null).describe("Repeats before them (null: the case's)"),
  peer_python: path()
    .nullable()
    .default(null)
    .describe('A Python that has trl: does the same work in TRL too, which takes minutes'),
  dtype: z
    .enum(['float32', 'bfloat16'])
    .nullable()
    .default(null)
    .describe("Type of number that is computed with (null: the case's)"),
  threads: machine.threads,
});

export const COMPARE = z.strictObject({
  accuracy: share().default(0.5).describe('Held-out accuracy that steps and seconds are counted to'),
  svg: path().nullable().default(null).describe('File for a picture of the curves'),
});

export const REPORT = z.strictObject({
  output: path()
    .nullable()
    .default(null)
    .describe('File to write (null: report.html in the run folder; of several runs comparison.html)'),
});

export const WATCH = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to serve on; any other than 127.0.0.1 lets others in'),
  port: whole(0).max(65535).default(7788).describe('Port to serve on (0: any that is free)'),
  allowed_host: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .default([])
    .meta({ allowed: 'a host name, or a list of these' })
    .describe(
      "Name that the page may be asked for by, such as a proxy's (.example.com: all below); several by a flag each",
    ),
});

export const PRESETS = z.strictObject({
  model: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("Whose options are shown (null: the journal's own model)"),
});

/** Headings of `--help`, with what is under each. */
export const GROUPS: Record<string, object> = {
  'Task and model': { ...what, prompt: 0, num: 0, split: 0, samples: 0 },
  Run: { ...start, ...run, ...length, ...curriculum },
  Batches: batch,
  Optimiser: optimizer,
  Loss: loss,
  'Entropy bonus': entropy,
  Reference: reference,
  Sampling: sampling,
  'Evaluation and checkpoints': { ...watching, target_accuracy: 0 },
  Trackers: tracking,
  'Repeats and peers': { steps: 0, warmup: 0, peer_python: 0 },
  Machine: machine,
};
