import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import yargs from 'yargs';
import type { z } from 'zod';
import { GrpoError } from '../../../src/common/errors.js';
import { describeOptions } from '../../../src/config/describe.js';
import { fromFlags, yargsOptions } from '../../../src/cli/flags.js';
import { kebabFlags, toKebab } from '../../../src/config/names.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../../../src/config/load.js';
import { SFT, TRAIN } from '../../../src/run/options.js';
import { trainDefaults } from '../../../src/experiments/train-defaults.js';
import { BENCH, CHECK_REWARD, COMPARE, EVAL, GENERATE, REPORT, SCORE } from '../../../src/cli/options.js';

const parse = (...args: string[]) => {
  const options = yargsOptions(TRAIN);
  const argv = yargs(kebabFlags(args)).options(options).exitProcess(false).parseSync();
  refuseUnknownFlags(argv, Object.keys(options));
  return resolveConfig(TRAIN, [flagSource(fromFlags(TRAIN, argv))], trainDefaults);
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
  [['--reward', 'length:100'], { reward: 'length:100' }],
  [
    ['--reward', 'one_of:yes,no', '--reward', 'regex:a=(\\d+)'],
    { reward: ['one_of:yes,no', 'regex:a=(\\d+)'] },
  ],
  [
    ['--chat-template-kwargs', '{enable_thinking: false, "n": [1, a]}'],
    { chat_template_kwargs: { enable_thinking: false, n: [1, 'a'] } },
  ],
  [['--chat-template-kwargs', 'null'], { chat_template_kwargs: null }],
  [['--chat', '--system-prompt', ''], { chat: true, system_prompt: '' }],
  [['--operations=-*'], { operations: '-*' }],
  // As TRL and files spell them.
  [['--max_steps', '7', '--learning_rate=1e-4'], { max_steps: 7, learning_rate: 1e-4 }],
  [['--use_bias_correction_kl', '--no_probe'], { use_bias_correction_kl: true, probe: false }],
  [['--output_dir=a_b', '--run_name', 'c_d'], { output_dir: 'a_b', run_name: 'c_d' }],
  [['--stop=--a_b'], { stop: '--a_b' }],
  // What takes a list takes a flag for each item.
  [['--reward', 'task', '--reward', './a.ts'], { reward: ['task', './a.ts'] }],
  [['--reward', 'null'], { reward: null }],
  [['--report-to', 'wandb', '--report-to', 'mlflow'], { report_to: ['wandb', 'mlflow'] }],
  [['--reward-weights', '1', '--reward-weights', '0.5,2'], { reward_weights: [1, 0.5, 2] }],
  [['--reward-weights', 'null'], { reward_weights: null }],
  [
    ['--curriculum', '{until_epoch: 2, max_operand: 5}', '--curriculum', '{}'],
    { curriculum: [{ until_epoch: 2, max_operand: 5 }, {}] },
  ],
  [['--curriculum', '[{until_epoch: 2}, {}]'], { curriculum: [{ until_epoch: 2 }, {}] }],
  [['--curriculum', '{max_operand: 5}'], { curriculum: [{ max_operand: 5 }] }],
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
  [['--lerning_rate', '1'], 'UNKNOWN_OPTION', '--lerning-rate is not an option'],
  [['--max_steps', 'abc'], 'BAD_OPTION', '--max-steps is "abc"'],
  [['--max_steps', '4', '--max-steps', '8'], 'BAD_OPTION', '--max-steps was given 2 times'],
  [['--reward-weights', '1', '--reward-weights', 'x'], 'BAD_OPTION', '--reward-weights is [1,"x"]'],
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

it.each(Object.entries({ TRAIN, SFT, EVAL, GENERATE, CHECK_REWARD }))(
  '%s takes each of its lists by a flag an item',
  (_, schema) => {
    const listed: Record<string, string> = { report_to: 'wandb', reward_weights: '2', curriculum: '{}' };
    const lists = Object.entries(schema.shape).filter(([, type]) => {
      const twice = (one: unknown) => (type as z.ZodType).safeParse([one, one]).success;
      return ['a', 'wandb', 1, {}].some(twice);
    });
    expect(lists).not.toEqual([]);
    for (const [name] of lists) {
      const flag = { [toKebab(name)]: Array(2).fill(listed[name] ?? 'a') };
      const given = fromFlags(schema, flag)[name];
      expect((schema.shape as Record<string, z.ZodType>)[name]!.parse(given), name).toHaveLength(2);
    }
  },
);

it('takes the home folder for a leading ~/ of every path, and of no other text', () => {
  const home = homedir();
  expect(
    parse(
      ...['--model=~/m', '--task=~/t.ts', '--output-dir=~/runs/a', '--init-from=~', '--run-name=~/x'],
      ...['--reward=~/a.ts', '--reward=~/b.ts', '--task-weights=~/t.ts=1', '--stop=~/'],
      ...['--curriculum={task: ~/t.ts}'],
    ),
  ).toMatchObject({
    model: join(home, 'm'),
    task: join(home, 't.ts'),
    output_dir: join(home, 'runs/a'),
    init_from: home,
    run_name: '~/x',
    reward: [join(home, 'a.ts'), join(home, 'b.ts')],
    task_weights: { [join(home, 't.ts')]: 1 },
    stop: '~/',
    curriculum: [{ task: join(home, 't.ts') }],
  });
  expect(COMPARE.parse({ svg: '~/a.svg' }).svg).toBe(join(home, 'a.svg'));
  expect(REPORT.parse({ output: '~/a.html' }).output).toBe(join(home, 'a.html'));
  expect(BENCH.parse({ peer_python: '~/python' }).peer_python).toBe(join(home, 'python'));
});

it.each(Object.entries({ TRAIN, SFT, EVAL, GENERATE, SCORE }))('%s describes every option', (_, schema) => {
  for (const option of describeOptions(schema)) {
    expect(option.name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(option.description, option.name).not.toBe('');
    expect(option.allowed, option.name).not.toBe('');
  }
});
