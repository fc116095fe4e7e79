/** Options of tasks, datasets, rewards and the curriculum. */
import { z } from 'zod';
import { path, whole } from '../config/declare.js';
import type { Defaults } from '../config/load.js';

export const TASK_OPTIONS = {
  task: path()
    .nullable()
    .default('arithmetic')
    .meta({ allowed: 'the name of a task, the path of a module, or null' })
    .describe(
      'A built-in task (arithmetic, counting, comparison, binary, mixed) or a module (./my-task.ts); null where dataset_name is given',
    ),
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

/** Data of a person's own in place of a task, and what its columns are; the first four have TRL's names. */
export const DATASET_OPTIONS = {
  dataset_name: z
    .union([path(), z.array(path()).min(1)])
    .nullable()
    .default(null)
    .meta({ allowed: 'a file, a folder, a dataset of the hub, a list of files, or null' })
    .describe(
      'Your own data in place of a task: a file (JSON Lines, JSON, CSV, TSV or Parquet), several by a flag each, a folder, or a dataset of the hub (user/name)',
    ),
  dataset_config: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Configuration of a dataset of the hub (null: its only one)'),
  dataset_train_split: z.string().min(1).default('train').describe('Split of the dataset to learn from'),
  dataset_test_split: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Split that is held out (null: test where there is one, else a fifth of the rows)'),
  prompt_column: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Column of the prompt, a text or messages (null: prompt, or the only one like it)'),
  answer_column: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Column of the right answer (null: answer, or the only one like it, such as label)'),
  prompt_template: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Prompt made of columns, such as "Q: {question}\\nA:" (null: that of a column)'),
};

/** What a preset says of a task doesn't count where a dataset is given in its place. */
export const datasetDefaults: Defaults = ({ dataset_name: name }) =>
  name === undefined || name === null ? {} : { task: null, task_weights: null, max_operand: null };

/** Objects first: a check of a text's length must not meet an object that is called `length`. */
const options = z.record(z.string(), z.unknown());

export const REWARD_OPTIONS = {
  reward: z
    .union([options, z.array(z.union([options, path()])).min(1), path()])
    .nullable()
    .default(null)
    .meta({
      allowed: 'a name with its argument, {name: {option: value}}, a module, a list of these, or null',
    })
    .describe(
      "Reward functions: task (its own), a name such as number:last (docs/rewards.md), or a module (./my-reward.ts); several add up (null: the task's own)",
    ),
  reward_timeout: z
    .number()
    .min(0)
    .default(120)
    .describe('Seconds that a reward function may take for a batch of completions (0: no limit)'),
};

export const SAMPLES_OPTIONS = {
  train_samples: whole(1).nullable().default(null).describe('Training problems used (null: all)'),
  unique_samples: whole(1)
    .nullable()
    .default(null)
    .describe('Different problems among train_samples; the others repeat these (null: all are different)'),
};

/** Options that a stage of a curriculum may change. */
const stage = z.strictObject({
  until_epoch: whole(1).optional(),
  task: TASK_OPTIONS.task.unwrap().unwrap().optional(),
  task_weights: TASK_OPTIONS.task_weights.unwrap().unwrap().optional(),
  max_operand: TASK_OPTIONS.max_operand.unwrap().unwrap().optional(),
  operations: TASK_OPTIONS.operations.unwrap().optional(),
  train_samples: whole(1).optional(),
});

export const CURRICULUM_OPTIONS = {
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
