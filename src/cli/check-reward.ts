/** `check-reward`: what a reward function makes of right, wrong and hostile completions. */
import { datasetDefaults } from '../data/options.js';
import { loadChosen } from './chosen-task.js';
import { CHECK_REWARD } from './options.js';
import { printJsonLine } from './output.js';
import { schemaCommand } from './schema-command.js';

/** Width of the table if the output is no terminal. */
const WIDTH = 110;

export const command = schemaCommand({
  name: 'check-reward',
  describe: 'Show what a reward makes of right, wrong, empty, unicode and huge completions',
  schema: CHECK_REWARD,
  unlessGiven: datasetDefaults,
  extra: { json: { type: 'boolean', default: false, describe: 'Print one JSON object on standard output' } },
  examples: [
    ['grpo-native check-reward', "Arithmetic's own reward"],
    ['grpo-native check-reward --task counting --reward task --reward ./my-reward.ts', 'Two at once'],
    ['grpo-native check-reward --reward number:last', 'A reward by name, and how it reads numbers'],
    ['grpo-native check-reward --task ./my-task.ts --samples 3 --json', 'A task of your own, for a program'],
    ['grpo-native check-reward --dataset-name ./tickets.jsonl', 'Data of your own'],
  ],
  run: async (options, argv) => {
    const { loadSplit } = await import('../data/tasks/index.js');
    const { loadRewards } = await import('../data/rewards/load.js');
    const { checkReward } = await import('../data/rewards/check.js');
    const { camelKeys } = await import('../config/names.js');
    const { samples, reward, rewardTimeout, ...chosen } = camelKeys(options);
    const task = await loadChosen(chosen);
    const problems = await loadSplit(task, 'train', samples);
    const check = await checkReward(task, await loadRewards(reward, task), problems, rewardTimeout);
    if (argv.json) {
      const { snakeDeep } = await import('../run/folder/names.js');
      printJsonLine(snakeDeep(check));
    } else {
      const { rewardCheckText } = await import('../ui/terminal/reward-check.js');
      process.stdout.write(`${rewardCheckText(check, process.stdout.columns || WIDTH)}\n`);
    }
    if (check.complaints.length > 0) process.exitCode = 1;
  },
});
