/**
 * All options of a run: its own, and those that the folders below declare. Each is declared once with its type,
 * bounds, default and description; flags, help, YAML files, the printed configuration and the TypeScript
 * types are derived from that. `defaults.ts` has the defaults of the embedded model.
 */
import { z } from 'zod';
import { path, share, whole } from '../config/declare.js';
import {
  CURRICULUM_OPTIONS,
  DATASET_OPTIONS,
  REWARD_OPTIONS,
  SAMPLES_OPTIONS,
  TASK_OPTIONS,
} from '../data/options.js';
import {
  BATCH_OPTIONS,
  ENTROPY_OPTIONS,
  ESTIMATOR_OPTIONS,
  LOSS_OPTIONS,
  OPTIMIZER_OPTIONS,
  PROBLEM_OPTIONS,
  REFERENCE_OPTIONS,
  SAMPLING_OPTIONS,
} from '../grpo/options.js';
import { CHAT_OPTIONS, LORA_OPTIONS, MACHINE_OPTIONS, MODEL_OPTIONS } from '../model/options.js';
import { TRACKERS } from './trackers/tracker.js';

/** Values of `metric_for_best_model`: a metric with or without the prefix that transformers gives it. */
const METRICS_FOR_BEST = ['accuracy', 'reward', 'eval_accuracy', 'eval_reward'] as const;

export const START_OPTIONS = {
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
  fork_from: path()
    .nullable()
    .default(null)
    .describe(
      'Checkpoint (runs/NAME/checkpoint-N) that this run goes on from, moments and steps included: see fork',
    ),
};

export const FOLDER_OPTIONS = {
  output_dir: path().nullable().default(null).describe('Run folder (null: a new one in runs/)'),
  resume: z
    .union([z.boolean(), z.string().regex(/^checkpoint-\d+$/)])
    .default(false)
    .meta({ allowed: 'true, false, or a checkpoint such as checkpoint-40' })
    .describe('Continue the run in the run folder, from its newest whole checkpoint or from checkpoint-N'),
  seed: whole(0)
    .max(2 ** 31 - 1)
    .default(42)
    .describe('Seed of the order of problems and of sampling'),
};

const trackerName = z.enum(['none', ...TRACKERS]);

export const TRACKING_OPTIONS = {
  report_to: z
    .union([trackerName, z.array(trackerName).min(1)])
    .default('none')
    .meta({ allowed: `none, ${TRACKERS.join(', ')}, or a list of these` })
    .describe('Experiment trackers that metrics are sent to; several by a flag each'),
  run_name: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("The run's name at the trackers (null: that of its folder)"),
};

export const LENGTH_OPTIONS = {
  max_steps: whole(-1)
    .refine((steps) => steps !== 0)
    .meta({ allowed: 'a whole number of at least 1, or -1' })
    .default(-1)
    .describe('Optimiser steps (-1: as num_train_epochs says)'),
  num_train_epochs: z.number().positive().default(3).describe('Passes over the training problems'),
};

export const WATCHING_OPTIONS = {
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

export const CHOOSING_OPTIONS = {
  load_best_model_at_end: z
    .boolean()
    .default(false)
    .describe(
      'Let the run stand for its best weights (best/): its result, eval --model RUN, --init-from RUN',
    ),
  metric_for_best_model: z
    .enum(METRICS_FOR_BEST)
    .nullable()
    .default(null)
    .meta({ allowed: 'accuracy, reward (or eval_accuracy, eval_reward) or null' })
    .describe(
      'What the best weights are chosen by, on validation problems (null: accuracy, where an option beside this one asks for it)',
    ),
  early_stopping_patience: whole(1)
    .nullable()
    .default(null)
    .describe('Ends the run after so many evaluations without a better metric_for_best_model (null: never)'),
  early_stopping_threshold: z
    .number()
    .min(0)
    .default(0)
    .describe('By how much an evaluation must be better to count for early_stopping_patience'),
  stop_at_accuracy: share()
    .nullable()
    .default(null)
    .describe('Ends the run when the accuracy on validation problems reaches it (null: never)'),
};

export const PROBING_OPTIONS = {
  probe: z
    .boolean()
    .default(true)
    .describe('Try the first steps without learning, for some seconds, and say what the run will be like'),
};

/** The temperature where nothing is learned: unlike in training it may be 0, for greedy decoding. */
export const anyTemperature = z
  .number()
  .min(0)
  .max(100)
  .describe('Softmax temperature (0: the most likely token)');

export const TRAIN = z.strictObject({
  ...MODEL_OPTIONS,
  ...LORA_OPTIONS,
  ...TASK_OPTIONS,
  ...DATASET_OPTIONS,
  ...REWARD_OPTIONS,
  ...CHAT_OPTIONS,
  ...START_OPTIONS,
  ...FOLDER_OPTIONS,
  ...LENGTH_OPTIONS,
  ...SAMPLES_OPTIONS,
  ...BATCH_OPTIONS,
  ...PROBLEM_OPTIONS,
  ...CURRICULUM_OPTIONS,
  ...OPTIMIZER_OPTIONS,
  ...ESTIMATOR_OPTIONS,
  ...LOSS_OPTIONS,
  ...ENTROPY_OPTIONS,
  ...REFERENCE_OPTIONS,
  ...SAMPLING_OPTIONS,
  ...WATCHING_OPTIONS,
  ...CHOOSING_OPTIONS,
  ...PROBING_OPTIONS,
  ...TRACKING_OPTIONS,
  ...MACHINE_OPTIONS,
});

/** The option of `fork` beside those of `train`. */
export const FORK_AT = z.strictObject({
  at: z
    .string()
    .regex(/^checkpoint-\d+$/)
    .nullable()
    .default(null)
    .meta({ allowed: 'a checkpoint such as checkpoint-40, or null' })
    .describe('Checkpoint that the fork begins at (null: the newest whole one)'),
});

/** Options of supervised fine-tuning: a step learns `batch_size` problems with their answers. */
export const SFT = z.strictObject({
  ...MODEL_OPTIONS,
  ...LORA_OPTIONS,
  ...TASK_OPTIONS,
  ...DATASET_OPTIONS,
  ...REWARD_OPTIONS,
  ...CHAT_OPTIONS,
  ...FOLDER_OPTIONS,
  ...LENGTH_OPTIONS,
  ...SAMPLES_OPTIONS,
  batch_size: whole(1).default(32).describe('Problems an optimiser step'),
  gradient_accumulation_steps: BATCH_OPTIONS.gradient_accumulation_steps,
  ...OPTIMIZER_OPTIONS,
  learning_rate: OPTIMIZER_OPTIONS.learning_rate.default(2e-5),
  max_completion_length: SAMPLING_OPTIONS.max_completion_length,
  stop: SAMPLING_OPTIONS.stop,
  temperature: anyTemperature.default(0),
  ...WATCHING_OPTIONS,
  target_accuracy: share()
    .nullable()
    .default(null)
    .describe('Ends the run when an evaluation reaches it (null: at the last step)'),
  ...TRACKING_OPTIONS,
  ...MACHINE_OPTIONS,
});
