/** `sft`: a supervised warm start. */
import { TINY_DEFAULTS } from '../run/defaults.js';
import { SFT } from '../run/options.js';
import { sftDefaults } from '../run/train-options.js';
import { runCommand } from './run-command.js';

export const command = runCommand({
  name: 'sft',
  describe: 'Teach a model the right answers of a task (a warm start for GRPO)',
  schema: SFT,
  tinyDefaults: TINY_DEFAULTS.sft,
  unlessGiven: sftDefaults,
  examples: [
    [
      'grpo-native sft --model HuggingFaceTB/SmolLM2-135M --task counting',
      'One pass over the training problems',
    ],
    [
      'grpo-native sft --model ./fresh --target-accuracy 0.25 --temperature 0.7 --eval-steps 20',
      'Until one sampled answer in four is right',
    ],
  ],
  start: async (config, extras) => {
    const { sft } = await import('../run/sft.js');
    return sft(config, extras);
  },
});
