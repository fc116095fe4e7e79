/** `plan`: forecasts a training run's time and memory, and whether it can learn. */
import { trainDefaults } from '../experiments/train-defaults.js';
import { TINY_DEFAULTS } from '../run/defaults.js';
import { readYaml } from '../config/load.js';
import { TRAIN } from '../run/options.js';
import { camelKeys } from '../config/names.js';
import type { TrainInput } from '../run/train-options.js';
import { snakeDeep } from '../run/folder/names.js';
import { FIRST } from './options.js';
import { interruptible, sayStopping } from './interrupt.js';
import { downloadBar, printJsonLine } from './output.js';
import { schemaCommand } from './schema-command.js';

export const command = schemaCommand({
  name: 'plan',
  describe: 'Say what a training run will take, and whether it can learn, without starting it',
  schema: TRAIN,
  tinyDefaults: TINY_DEFAULTS.train,
  unlessGiven: trainDefaults,
  takesConfig: true,
  first: FIRST,
  extra: { json: { type: 'boolean', default: false, describe: 'Print one JSON object on standard output' } },
  examples: [
    ['grpo-native plan --preset arithmetic-no-kl', "One of the journal's experiments"],
    [
      'grpo-native plan --model Qwen/Qwen2.5-0.5B --num-generations 64 --batch-size 256',
      'Any options of train',
    ],
    ['grpo-native plan config.yaml --json', 'For a program'],
  ],
  sources: (_, file) => (file === undefined ? [] : [readYaml(file)]),
  run: async (config, argv) => {
    const { plan } = await import('../experiments/plan.js');
    const download = downloadBar();
    const notices: string[] = [];
    const found = await interruptible(sayStopping, (signal) =>
      plan(camelKeys(config) as TrainInput, {
        signal,
        onDownload: download.onProgress,
        onNotice: (text) => notices.push(text),
      }),
    ).finally(download.end);
    if (argv.json) {
      printJsonLine(
        snakeDeep({ ...found.forecast, model: found.plan.model, task: found.plan.task, notices }),
      );
      return;
    }
    const { fitted } = await import('../ui/terminal/live.js');
    const { opening } = await import('../ui/terminal/opening.js');
    const { forecastText } = await import('../ui/terminal/forecast.js');
    for (const text of notices) process.stderr.write(`${text}\n`);
    process.stdout.write(
      `${fitted(`${opening(found.plan)}${forecastText(found.forecast)}`, process.stdout)}\n`,
    );
  },
});
