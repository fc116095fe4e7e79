import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GrpoError } from '../../../src/common/errors.js';
import { trainDefaults } from '../../../src/experiments/train-defaults.js';
import { sftDefaults } from '../../../src/run/train-options.js';
import { TINY_DEFAULTS } from '../../../src/run/defaults.js';
import { flagSource, parseYaml, readYaml, resolveConfig, toYaml } from '../../../src/config/load.js';
import { SFT, TRAIN } from '../../../src/run/options.js';
import { EVAL, GENERATE, SCORE } from '../../../src/cli/options.js';

const train = (yaml = '', flags: Record<string, unknown> = {}) =>
  resolveConfig(TRAIN, [flagSource(flags), parseYaml(yaml, 'a.yaml')], trainDefaults);

function refusal(action: () => unknown): { code: string; message: string; fix: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof GrpoError) return { code: error.code, message: error.message, fix: error.fix };
    throw error;
  }
  throw new Error('nothing was refused');
}

it("has the journal's baseline for real models", () => {
  expect(train('model: Qwen/Qwen2.5-0.5B')).toMatchObject({
    batch_size: 64,
    num_generations: 16,
    learning_rate: 5e-6,
    beta: 0.1,
    temperature: 0.7,
    stop: 'answer',
    max_completion_length: 16,
    loss_type: 'grpo',
    use_bias_correction_kl: false,
    epsilon_high: null,
  });
});

it('takes flags before the file, the file before the defaults of the model, those before the defaults', () => {
  expect(train()).toMatchObject({ model: 'tiny', ...TINY_DEFAULTS.train });
  const config = train('batch_size: 32\nbeta: 0\nlearning_rate: 1e-5', { beta: 0.5, seed: undefined });
  expect(config).toMatchObject({ batch_size: 32, beta: 0.5, learning_rate: 1e-5, seed: 42 });
  expect(train('model: tiny', { model: './mine' }).learning_rate).toBe(5e-6);
});

it('prints a configuration that gives the same one', () => {
  const config = train(
    'stop: ["\\n", "#"]\ntask_weights: { arithmetic: 2, counting: 1 }\noutput_dir: "a: b"',
  );
  expect(train(toYaml(config))).toEqual(config);
  const other = train('', { model: './x', stop: 'none', max_steps: 5 });
  expect(train(toYaml(other))).toEqual(other);
});

it.each([
  ['batch_sise: 64', /^a.yaml:1: batch_sise/, /batch_size/],
  ['seed: 1\n\nnum-generation: 8', /^a.yaml:3: num-generation/, /num_generations/],
  ['numGenerations: 8', /numGenerations/, /num_generations/],
  ['zzzzzzzzzzzzzzzz: 1', /zzzz/, /the options are model, use_peft/],
  ['1: 2', /1 is not an option/, /the options are/],
  ['__proto__: 2', /__proto__/, /the options are/],
])('refuses the unknown %j', (yaml, message, fix) => {
  expect(refusal(() => train(yaml))).toEqual({
    code: 'UNKNOWN_OPTION',
    message: expect.stringMatching(message) as string,
    fix: expect.stringMatching(fix) as string,
  });
});

it('names unknown flags as flags', () => {
  expect(refusal(() => train('', { learning_rat: 1 }))).toEqual({
    code: 'UNKNOWN_OPTION',
    message: '--learning-rat is not an option',
    fix: 'did you mean --learning-rate?',
  });
});

it.each([
  ['seed: 1\nbatch_size: many', 'a.yaml:2: batch_size is "many"', 'a whole number of at least 1'],
  ['batch_size: 1.5', 'a.yaml:1: batch_size is 1.5', 'a whole number of at least 1'],
  ['num_generations: 1', 'a.yaml:1: num_generations is 1', 'a whole number of at least 2'],
  ['learning_rate: .nan', 'a.yaml:1: learning_rate is NaN', 'a number above 0 and of at most 1'],
  ['beta: .inf', 'a.yaml:1: beta is Infinity', 'a number of at least 0'],
  ['temperature: 0', 'a.yaml:1: temperature is 0', 'a number above 0 and of at most 100'],
  ['top_p: 0', 'a.yaml:1: top_p is 0', 'a number above 0 and of at most 1'],
  ['warmup_ratio: 2', 'a.yaml:1: warmup_ratio is 2', 'a number from 0 to 1'],
  ['max_steps: 0', 'a.yaml:1: max_steps is 0', 'a whole number of at least 1, or -1'],
  [
    'loss_type: ppo',
    'a.yaml:1: loss_type is "ppo"',
    'grpo, dr_grpo, bnpo, dapo, cispo, sapo, luspo or vespo',
  ],
  ['resume: maybe', 'a.yaml:1: resume is "maybe"', 'true, false, or a checkpoint such as checkpoint-40'],
  ['stop: []', 'a.yaml:1: stop is []', 'answer, none, a text, or a list of texts'],
  ['device: gpu', 'a.yaml:1: device is "gpu"', 'auto, cpu, cuda or cuda:N'],
  ['operations: "/"', 'a.yaml:1: operations is "/"', 'some of + - *, written together'],
  ['task_weights: { a: x }', 'a.yaml:1: task_weights is {"a":"x"}', 'names with numbers above 0'],
  ['model: null', 'a.yaml:1: model is null', 'a text'],
  ['train_samples: -1', 'a.yaml:1: train_samples is -1', 'a whole number of at least 1 or null'],
])('refuses %j', (yaml, message, allowed) => {
  const error = refusal(() => train(yaml));
  expect(error).toMatchObject({ code: 'BAD_OPTION', message });
  expect(error.fix).toContain(`it must be ${allowed}`);
});

it.each([
  ['a: [1, 2', /^a.yaml:1:/],
  ['seed: 1\nseed: 2', /^a.yaml:2:.*unique/],
  ['seed: 1\n\tbeta: 2', /^a.yaml:\d:/],
  ['- seed', /^a.yaml:1: not a list of options/],
  ['just words', /^a.yaml:1: not a list of options/],
  ['seed: *nowhere', /^a.yaml:1:/],
  ['seed: 1\n---\nseed: 2', /^a.yaml:2:/],
])('says where %j is no YAML of options', (yaml, message) => {
  expect(refusal(() => train(yaml))).toMatchObject({
    code: 'CONFIG_SYNTAX',
    message: expect.stringMatching(message) as string,
  });
});

it('takes an empty file, and one of comments', () => {
  expect(train('')).toEqual(train('# nothing\n'));
});

it('reads a file, and says when there is none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  try {
    writeFileSync(join(folder, 'a.yaml'), 'seed: 3\n');
    expect(readYaml(join(folder, 'a.yaml')).values).toEqual({ seed: 3 });
    expect(refusal(() => readYaml(join(folder, 'b.yaml'))).code).toBe('CONFIG_MISSING');
    expect(refusal(() => readYaml(folder)).code).toBe('CONFIG_MISSING');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('has schemas for the other commands', () => {
  expect(resolveConfig(SFT, [], sftDefaults)).toMatchObject(TINY_DEFAULTS.sft);
  expect(resolveConfig(EVAL, [])).toMatchObject({ split: 'held_out', temperature: 0, samples: null });
  expect(resolveConfig(SCORE, [])).toMatchObject({ temperature: 1 });
  expect(refusal(() => resolveConfig(GENERATE, []))).toEqual({
    code: 'BAD_OPTION',
    message: 'prompt is missing',
    fix: 'it must be a text',
  });
});
