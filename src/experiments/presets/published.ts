/**
 * Recipes that others publish with their numbers, and jobs of a person's own kind, on data that isn't built in.
 * examples/recipes makes the data that isn't on the hub; docs/results/published has what was measured.
 */
import { BEYOND_LEARNING } from './beyond.js';
import type { Preset } from './types.js';

/** The options that all of them share. */
export const PUBLISHED_BASE = {
  model: 'Qwen/Qwen2.5-0.5B-Instruct',
  task: null,
  chat: true,
  num_generations: 8,
  temperature: 1,
  loss_type: 'grpo',
  beta: 0.001,
  learning_rate: 1e-6,
  lr_scheduler_type: 'constant',
} as const satisfies Preset['options'];

const GSM8K = {
  dataset_name: 'openai/gsm8k',
  dataset_config: 'main',
  prompt_template: '{question} Let\'s think step by step and output the final answer after "####".',
  // Accuracy is strict: the number after the mark. The second is a metric, the flexible accuracy.
  reward: [{ number: { read: '####', name: 'strict' } }, { number: { read: 'last', name: 'flexible' } }],
  reward_weights: [1, 0],
  stop: 'none',
  loss_type: 'bnpo',
  weight_decay: 0.01,
} satisfies Preset['options'];

/** Answers of a few tokens, as a question to a chat model: the means of the presets beyond the journal. */
const SHORT_ANSWERS = {
  ...BEYOND_LEARNING,
  system_prompt: 'Reply with the answer alone.',
  max_completion_length: 12,
  max_steps: 20,
} satisfies Preset['options'];

/** Tasks of reasoning-gym with short answers, and how the reward reads them. */
const GYM: Record<string, { reward: string; measured?: string }> = {
  base_conversion: { reward: 'exact_match' },
  basic_arithmetic: { reward: 'number' },
  chain_sum: { reward: 'number' },
  count_bits: { reward: 'number' },
  gcd: {
    reward: 'number',
    measured: 'Qwen2.5-0.5B 0.5% before, 66.0% held out after 20 steps (one seed)',
  },
  lcm: { reward: 'number' },
  leg_counting: { reward: 'number' },
  letter_counting: { reward: 'number' },
  products: { reward: 'number' },
  spell_backward: { reward: 'exact_match' },
};

export const PUBLISHED: Preset[] = [
  {
    name: 'gsm8k',
    differs: "GSM8K in verl's form: 1,024 tokens, 64 problems of 5, one epoch (for a GPU)",
    reported: "verl: 36.4% before (Qwen's own figure 49.6%), GRPO with LoRA 54.3%, PPO 56.7%",
    options: {
      ...GSM8K,
      num_generations: 5,
      batch_size: 320,
      num_train_epochs: 1,
      max_completion_length: 1024,
      eval_samples: 1319,
    },
  },
  {
    name: 'gsm8k-256',
    differs: 'the same with 256 tokens, 16 problems of 8, 200 steps',
    reported: 'verl with 256 tokens, PPO: 53.8%',
    options: { ...GSM8K, batch_size: 128, max_steps: 200, max_completion_length: 256 },
  },
  {
    name: 'countdown',
    differs: 'a formula of three or four numbers with a given value; 256 tokens, 16 problems of 8, 100 steps',
    reported: 'TinyZero: 3B learns it, 0.5B does not learn to reason',
    options: {
      dataset_name: 'data/countdown',
      prompt_template:
        'Make a formula that equals {target} of the numbers {nums}, each of them once, with +, -, * and /. ' +
        'Think first, and end with the formula in <answer> </answer>.',
      answer_column: 'target',
      reward: [{ math: { form: 'countdown', tag: 'answer' } }, 'format:answer'],
      reward_weights: [0.9, 0.1],
      batch_size: 128,
      max_steps: 100,
      max_completion_length: 256,
    },
  },
  {
    name: 'reverse-text',
    differs: 'a text reversed, after sft on 1,000 others: 128 tokens, 8 texts of 16, 20 steps',
    reported: 'prime-rl, Qwen3-0.6B: mean reward 0.05 before, about 0.8 after both',
    options: {
      model: 'Qwen/Qwen3-0.6B',
      dataset_name: 'data/reverse-text',
      system_prompt: 'Reverse the text character-by-character. Put your answer in <reversed_text> tags.',
      prompt_column: 'text',
      answer_column: 'reversed',
      reward: { similarity: { tag: 'reversed_text' } },
      num_generations: 16,
      batch_size: 128,
      max_steps: 20,
      max_completion_length: 128,
      learning_rate: 3e-6,
      beta: 0,
    },
  },
  ...Object.entries(GYM).map(([task, { reward, measured }]): Preset => ({
    name: `gym-${task.replaceAll('_', '-')}`,
    differs: `${task} of reasoning-gym`,
    ...(measured !== undefined && { measured }),
    options: { ...SHORT_ANSWERS, dataset_name: `data/gym/${task}`, reward },
  })),
  {
    name: 'debian-sections',
    differs:
      'the section of a Debian package by its description: prompts of 60 to 400 tokens, answers of one word',
    measured: 'Qwen2.5-0.5B 28.0% before, 87.5% held out after 10 steps (one seed)',
    options: {
      ...SHORT_ANSWERS,
      dataset_name: 'data/sections',
      prompt_template:
        '{text}\n\nSection of the package (admin, games, graphics, mail, net, science, sound or web):',
      answer_column: 'section',
      reward: 'one_of',
    },
  },
];
