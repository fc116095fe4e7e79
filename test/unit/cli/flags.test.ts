import { expect, it } from 'vitest';
import yargs from 'yargs';
import { GrpoError } from '../../../src/common/errors.js';
import { describeOptions } from '../../../src/config/describe.js';
import { fromFlags, yargsOptions } from '../../../src/cli/flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../../../src/config/load.js';
import { EVAL, GENERATE, SCORE, SFT, TRAIN } from '../../../src/run/options.js';

const parse = (...args: string[]) => {
  const argv = yargs(args).options(yargsOptions(TRAIN)).exitProcess(false).parseSync();
  refuseUnknownFlags(TRAIN, argv);
  return resolveConfig('train', TRAIN, [flagSource(fromFlags(TRAIN, argv))]);
};

it.each<[string[], object]>([
  [[], { model: 'tiny', resume: false }],
  [['--batch-size', '32', '--learning-rate=1e-5'], { batch_size: 32, learning_rate: 1e-5 }],
  [['--max-steps', '-1'], { max_steps: -1 }],
  [['--model', '0123', '--output-dir', '7'], { model: '0123', output_dir: '7' }],
  [['--resume', '--use-bias-correction-kl'], { resume: true, use_bias_correction_kl: true }],
  [['--no-resume'], { resume: false }],
  [['--epsilon-high', '0.3'], { epsilon_high: 0.3 }],
  [['--epsilon-high', 'null', '--train-samples', 'null'], { epsilon_high: null, train_samples: null }],
  [['--task-weights', 'arithmetic=2,counting=0.5'], { task_weights: { arithmetic: 2, counting: 0.5 } }],
  [['--task-weights', './a.ts=1'], { task_weights: { './a.ts': 1 } }],
  [['--stop', '\n', '--stop', '#'], { stop: ['\n', '#'] }],
  [['--stop', '42'], { stop: '42' }],
  [['--operations=-*'], { operations: '-*' }],
])('reads %j', (args, expected) => {
  expect(parse(...args)).toMatchObject(expected);
});

it.each([
  [['--batch-size', 'abc'], 'BAD_OPTION', '--batch-size is "abc"'],
  [['--batch-size', '4', '--batch-size', '8'], 'BAD_OPTION', '--batch-size was given 2 times'],
  [['--loss-type', 'ppo'], 'BAD_OPTION', '--loss-type is "ppo"'],
  [['--task-weights', 'arithmetic'], 'BAD_OPTION', '--task-weights is "arithmetic"'],
  [['--beta', '-1'], 'BAD_OPTION', '--beta is -1'],
  [['--lerning-rate', '1'], 'UNKNOWN_OPTION', '--lerning-rate is not an option'],
])('refuses %j', (args, code, message) => {
  let error: unknown;
  try {
    parse(...args);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(GrpoError);
  expect(error).toMatchObject({ code, message });
});

it('shows what an option is for, its choices and its default', async () => {
  const help = await yargs([])
    .options(yargsOptions(TRAIN, { learning_rate: 3e-4 }))
    .wrap(200)
    .getHelp();
  expect(help).toMatch(/--batch-size .*multiple of num_generations .*\[default: 64\]/);
  expect(help).toMatch(/--learning-rate .*\[default: 5e-6; tiny: 3e-4\]/);
  expect(help).toMatch(
    /--loss-type .*\[grpo, dr_grpo, bnpo, dapo, cispo, sapo, luspo, vespo\].*\[default: grpo\]/,
  );
  expect(help).toContain('Optimiser:');
});

it.each(Object.entries({ TRAIN, SFT, EVAL, GENERATE, SCORE }))('%s describes every option', (_, schema) => {
  for (const option of describeOptions(schema)) {
    expect(option.name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(option.description, option.name).not.toBe('');
    expect(option.allowed, option.name).not.toBe('');
  }
});
