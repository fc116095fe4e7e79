/** `train`: the main job. */
import { trainDefaults } from '../experiments/train-defaults.js';
import { TINY_DEFAULTS } from '../run/defaults.js';
import { TRAIN } from '../run/options.js';
import { runCommand } from './run-command.js';

export const command = runCommand({
  name: 'train',
  describe: 'Teach a model a task with GRPO',
  schema: TRAIN,
  tinyDefaults: TINY_DEFAULTS.train,
  unlessGiven: trainDefaults,
  examples: [
    ['grpo-native train', 'Arithmetic, with the embedded tiny model, in a few minutes'],
    [
      'grpo-native train --model Qwen/Qwen2.5-0.5B --num-generations 16 --batch-size 64 --output-dir runs/qwen',
      'A real model of the hub',
    ],
    ['grpo-native train --output-dir runs/qwen --resume', 'Goes on after an interruption'],
    ['grpo-native train config.yaml --learning-rate 1e-5', 'Options of a file, one of them changed'],
    ['grpo-native train --task ./my-task.ts', 'A task of your own'],
    [
      'grpo-native train --dataset-name ./tickets.jsonl --prompt-column text --answer-column label',
      'Data of your own',
    ],
  ],
  start: async (config, extras) => {
    const { train } = await import('../experiments/train.js');
    return train(config, extras);
  },
});
