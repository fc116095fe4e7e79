/** `eval`: accuracy on a task's problems, with its interval. */
import { EVAL } from './options.js';
import { toOptions } from '../run/train-options.js';
import { schemaCommand } from './schema-command.js';
import { withModel } from './with-model.js';
import { printJsonLine, progressLine } from './output.js';
import { loadChosen } from './chosen-task.js';
import { datasetDefaults } from '../data/options.js';

export const command = schemaCommand({
  name: 'eval',
  describe: 'Measure how often a model is right',
  schema: EVAL,
  unlessGiven: datasetDefaults,
  extra: { json: { type: 'boolean', default: false, describe: 'Print one JSON object on standard output' } },
  examples: [
    [
      'grpo-native eval --model runs/tiny-arithmetic/final',
      'Every held-out problem of arithmetic, the likeliest answer',
    ],
    ['grpo-native eval --model tiny --task counting --samples 100 --json', 'For a program'],
    [
      'grpo-native eval --model runs/tickets/final --dataset-name test.jsonl --dataset-test-split test',
      'All rows of a file',
    ],
  ],
  run: async (config, argv) => {
    const options = toOptions(config);
    const { loadSplit } = await import('../data/tasks/index.js');
    const { loadRewards } = await import('../data/rewards/load.js');
    const { evaluate } = await import('../run/evaluate.js');
    const { hasConversation } = await import('../model/message.js');
    const { checkStop, stopRule } = await import('../grpo/stop.js');
    const task = await loadChosen(options);
    const { rulesOf } = await import('../data/rewards/rules.js');
    const reward = await loadRewards(options.reward, task);
    const problems = await loadSplit(task, options.split, options.samples || null, options);
    const progress = progressLine('evaluating');
    const result = await withModel({ ...options, chat: hasConversation(problems) }, (model, signal) => {
      checkStop(options.stop, model.tokenizer);
      return evaluate(model, {
        ...options,
        reward,
        task,
        problems,
        stop: stopRule(options.stop, rulesOf(task, reward)),
        signal,
        onProgress: progress.update,
      });
    }).finally(progress.end);
    if (argv.json) {
      const { correct, total, accuracy, low, high, seconds } = result;
      printJsonLine({
        model: options.model,
        task: task.name,
        split: options.split,
        correct,
        total,
        accuracy,
        accuracy_low: low,
        accuracy_high: high,
        reward: result.reward,
        ...(result.rewards && { rewards: result.rewards }),
        temperature: result.temperature,
        mean_length: result.meanLength,
        seconds,
      });
      return;
    }
    const { accuracy } = await import('../ui/terminal/train-report.js');
    const { number, duration } = await import('../common/format.js');
    const means = Object.entries(result.rewards ?? {}).map(([name, mean]) => `, ${name} ${number(mean)}`);
    process.stdout.write(
      `${task.name}, ${options.split}: ${accuracy(result)}, mean reward ${number(result.reward)}${means.join('')}, ${duration(result.seconds)}\n`,
    );
  },
});
