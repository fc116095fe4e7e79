/**
 * The experiments of the research journal that this project grew from. `differs` says in words what the
 * options say; `outcome` is what the journal reported, or proposed. Where it leaves something open,
 * docs/journal.md says what was chosen and why.
 */
import type { Preset } from './types.js';

/** How the journal learns, whatever the problems are. */
export const LEARNING = {
  num_generations: 16,
  loss_type: 'grpo',
  beta: 0.1,
  learning_rate: 5e-6,
  lr_scheduler_type: 'linear',
  temperature: 0.7,
} as const satisfies Preset['options'];

/** The options that the experiments beyond the journal share with it. */
export const COMMON = {
  model: 'Qwen/Qwen2-0.5B',
  task: 'arithmetic',
  max_operand: 20,
  ...LEARNING,
} as const satisfies Preset['options'];

/** The options that all of the journal's share: 100 arithmetic problems, 64 completions per step. */
export const BASE = {
  ...COMMON,
  train_samples: 100,
  batch_size: 64,
  num_train_epochs: 30,
  max_steps: -1,
  scale_rewards: 'group',
} as const satisfies Preset['options'];

/** Half arithmetic, a quarter each of counting and comparison. */
export const MIXED_TASKS = {
  task: 'mixed',
  task_weights: { arithmetic: 2, counting: 1, comparison: 1 },
} satisfies Preset['options'];

const MIXED = {
  ...MIXED_TASKS,
  train_samples: 150,
  batch_size: 240,
  num_train_epochs: 50,
} satisfies Preset['options'];

const FOUR = { num_generations: 4, batch_size: 64, num_train_epochs: 50 } satisfies Preset['options'];

/** The overfitting experiments: few problems and a high learning rate. */
const OVERFIT = { num_train_epochs: 50, learning_rate: 1e-4 } satisfies Preset['options'];

export const JOURNAL: Preset[] = [
  {
    name: 'arithmetic-baseline',
    differs: '30 epochs',
    reported: 'reward about 0.80',
    options: {},
  },
  {
    name: 'arithmetic-long',
    differs: '100 epochs, seed 789',
    reported: 'reward 0.875 at epoch 89, KL 0.689',
    options: { num_train_epochs: 100, seed: 789 },
  },
  {
    name: 'arithmetic-higher-beta',
    differs: 'beta 0.2, 50 epochs, seed 321',
    reported: 'reward 0.53, accuracy 30%, KL 0.574',
    options: { beta: 0.2, num_train_epochs: 50, seed: 321 },
  },
  {
    name: 'arithmetic-higher-lr',
    differs: 'learning rate 1e-5, 50 epochs, seed 654',
    reported: 'reward 0.84, accuracy 30%, KL 0.748, half of the groups without spread',
    options: { learning_rate: 1e-5, num_train_epochs: 50, seed: 654 },
  },
  {
    name: 'arithmetic-no-kl',
    differs: 'beta 0, dr_grpo',
    reported: 'collapse to -1',
    options: { beta: 0, loss_type: 'dr_grpo' },
  },
  {
    name: 'arithmetic-expanded',
    differs: '500 problems, 100 epochs',
    reported: 'reward 0.75 while running',
    options: { train_samples: 500, num_train_epochs: 100 },
  },
  {
    name: 'arithmetic-partial-credit',
    differs: 'reward 1, 0.5, 0.25, -0.5 or -1, by how far off the answer is',
    reported: '-0.785 after 8 steps',
    options: { reward: 'partial_credit' },
  },
  {
    name: 'arithmetic-curriculum',
    differs: 'epochs 1-20 addition to 10, 21-50 all operations to 10, 51-100 all to 20',
    reported: '-1, no spread',
    options: {
      num_train_epochs: 100,
      curriculum: [
        // Addition to 10 has 121 problems, a fifth of them held out.
        { until_epoch: 20, operations: '+', max_operand: 10, train_samples: 80 },
        { until_epoch: 50, max_operand: 10 },
        { max_operand: 20 },
      ],
    },
  },
  {
    name: 'arithmetic-temperature-1-g4',
    differs: 'temperature 1, 4 generations, 50 epochs',
    reported: '-1',
    options: { ...FOUR, temperature: 1 },
  },
  {
    name: 'mixed-g4',
    differs: 'mixed tasks, 4 generations, batch 64, 50 epochs',
    reported: '-0.94',
    options: { ...MIXED, ...FOUR },
  },
  {
    name: 'small-numbers-g4',
    differs: 'numbers to 10, 200 problems, 4 generations, 50 epochs',
    reported: '-1',
    options: { ...FOUR, max_operand: 10, train_samples: 200 },
  },
  {
    name: 'arithmetic-temperature-1',
    differs: 'temperature 1, batch 256, 50 epochs',
    reported: 'reward 0.758, accuracy 28%',
    options: { temperature: 1, batch_size: 256, num_train_epochs: 50 },
  },
  {
    name: 'small-numbers',
    differs: 'numbers to 10, 200 problems, batch 256, 50 epochs',
    reported: 'reward 0.859, accuracy 45%',
    options: { max_operand: 10, train_samples: 200, batch_size: 256, num_train_epochs: 50 },
  },
  {
    name: 'mixed',
    differs: '50% arithmetic, 25% counting, 25% comparison, 150 problems, batch 240, 50 epochs',
    reported: 'reward 0.767, accuracy 54.7%',
    options: MIXED,
  },
  {
    name: 'mixed-small-numbers',
    differs: 'mixed with numbers to 10, 100 epochs',
    reported: 'proposed: over 60%',
    options: { ...MIXED, max_operand: 10, num_train_epochs: 100 },
  },
  {
    name: 'mixed-extended',
    differs: 'goes on from mixed for 100 more epochs',
    reported: 'proposed: 60-65%',
    options: { ...MIXED, num_train_epochs: 100 },
    continues: 'mixed',
  },
  {
    name: 'mixed-curriculum',
    differs: 'mixed, epochs 1-30 to 5, 31-60 to 10, 61-100 to 20',
    reported: 'proposed: over 65%',
    options: {
      ...MIXED,
      num_train_epochs: 100,
      curriculum: [
        { until_epoch: 30, max_operand: 5 },
        { until_epoch: 60, max_operand: 10 },
        { max_operand: 20 },
      ],
    },
  },
  {
    name: 'mixed-large',
    differs: 'mixed, 500 problems (250, 125, 125)',
    reported: 'proposed',
    options: { ...MIXED, train_samples: 500 },
  },
  {
    name: 'mixed-64',
    differs: 'mixed, 64 generations, batch 960',
    reported: 'proposed: 60-70%',
    options: { ...MIXED, num_generations: 64, batch_size: 960 },
  },
  {
    name: 'overfit-comparison',
    differs: '32 comparison problems, 64 generations, learning rate 1e-4, 50 epochs',
    reported: 'reward 0.75',
    options: { ...OVERFIT, task: 'comparison', train_samples: 32, num_generations: 64, batch_size: 256 },
  },
  {
    name: 'overfit-binary',
    differs: '100 problems drawn from 16 of binary, 32 generations, learning rate 1e-4, 50 epochs',
    reported: 'reward 0.84',
    options: {
      ...OVERFIT,
      task: 'binary',
      max_operand: 15,
      train_samples: 100,
      unique_samples: 16,
      num_generations: 32,
      batch_size: 128,
    },
  },
  {
    name: 'overfit-counting',
    differs: '16 counting problems, 256 generations, learning rate 5e-4, 50 epochs',
    reported: 'no figure given',
    options: {
      ...OVERFIT,
      task: 'counting',
      train_samples: 16,
      num_generations: 256,
      batch_size: 512,
      learning_rate: 5e-4,
    },
  },
  {
    name: 'overfit-arithmetic',
    differs: '16 problems, 64 generations, learning rate 1e-4, 50 epochs',
    reported: 'no figure given',
    options: { ...OVERFIT, train_samples: 16, num_generations: 64, batch_size: 256 },
  },
];
