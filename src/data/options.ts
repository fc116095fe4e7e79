/** Options of tasks, rewards, datasets and the curriculum. */
import { z } from 'zod';
import { path, whole } from '../config/declare.js';

export const TASK_OPTIONS = {
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

/** A reward's name with its argument, a module, or `{ name: { option: value } }`. */
const rewardSpec = z.union([path(), z.record(z.string(), z.unknown())]);

export const REWARD_OPTIONS = {
  reward: z
    .union([path(), z.array(rewardSpec).min(1), z.record(z.string(), z.unknown())])
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

export const DATASET_OPTIONS = {
  train_samples: whole(1).nullable().default(null).describe('Training problems used (null: all)'),
  unique_samples: whole(1)
    .nullable()
    .default(null)
    .describe('Different problems among train_samples; the others repeat these (null: all are different)'),
};

/** Options that a stage of a curriculum may change. */
const stage = z.strictObject({
  until_epoch: whole(1).optional(),
  task: TASK_OPTIONS.task.unwrap().optional(),
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
