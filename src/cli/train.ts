/** `train`: the main job. */
import type { CommandModule } from 'yargs';
import { TINY_DEFAULTS } from '../config/defaults.js';
import { TRAIN } from '../config/options.js';
import { runCommand, type RunArguments } from './run-command.js';

export const command: CommandModule<object, RunArguments> = runCommand({
  name: 'train',
  describe: 'Teach a model a task with GRPO',
  schema: TRAIN,
  defaults: TINY_DEFAULTS.train,
  examples: [
    ['$0 train', 'Arithmetic, with the embedded tiny model, in a few minutes'],
    [
      '$0 train --model Qwen/Qwen2.5-0.5B --num-generations 16 --batch-size 64 --output-dir runs/qwen',
      'A real model of the hub',
    ],
    ['$0 train --output-dir runs/qwen --resume', 'Goes on after an interruption'],
    ['$0 train config.yaml --learning-rate 1e-5', 'Options of a file, one of them changed'],
    ['$0 train --task ./my-task.ts', 'A task of your own'],
  ],
  start: async (config, extras) => {
    const { train } = await import('../grpo/trainer.js');
    return train(config, extras);
  },
});
