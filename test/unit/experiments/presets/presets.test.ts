import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toOptions } from '../../../../src/run/train-options.js';
import { trainConfig } from '../../../../src/experiments/train.js';
import { planBatches } from '../../../../src/grpo/batches.js';
import { JOURNAL } from '../../../../src/experiments/presets/journal.js';
import { BEYOND } from '../../../../src/experiments/presets/beyond.js';
import { PUBLISHED } from '../../../../src/experiments/presets/published.js';
import {
  findPreset,
  outcomes,
  presetOptions,
  PRESETS,
  TINY_RULE,
} from '../../../../src/experiments/presets/index.js';
import { presetsText } from '../../../../src/ui/terminal/presets.js';
import { loadDataset, loadStages } from '../../../../src/data/tasks/index.js';
import { loadRewards } from '../../../../src/data/rewards/load.js';
import { rulesOf } from '../../../../src/data/rewards/rules.js';
import { weightedSum } from '../../../../src/data/rewards/combine.js';
import type { Problem } from '../../../../src/data/tasks/task.js';
import { codeOf, temporaryFolder } from '../../../support/fixtures.js';

const names = PRESETS.map(({ name }) => name);
const optionsOf = (preset: string, model?: string) =>
  toOptions(trainConfig({ preset, ...(model !== undefined && { model }) }));

interface Sample {
  rows: Record<string, unknown>[];
  /** A right completion, where it isn't the answer alone. */
  right?: (problem: Problem) => string;
}

const GSM8K: Sample = {
  rows: [1234, 5, 6].map((n) => ({
    question: `How many ${n}?`,
    answer: `<<1+1=2>>2, so\n#### ${n.toLocaleString('en')}`,
  })),
  right: ({ answer }) => `Think.${answer}`,
};

/** Rows as the hub's datasets and examples/recipes have them. */
const SAMPLES: Record<string, Sample> = {
  gsm8k: GSM8K,
  'gsm8k-256': GSM8K,
  countdown: {
    rows: [
      [9, 3],
      [8, 2],
      [7, 1],
    ].map(([a, b]) => ({ nums: [a, b, 2], target: (a! - b!) * 2 })),
    right: ({ columns }) =>
      `Hm. <answer>(${(columns!.nums as number[]).slice(0, 2).join(' - ')}) * 2</answer>`,
  },
  'reverse-text': {
    rows: ['ab cd', 'Efg', 'h-i'].map((text) => ({ text, reversed: [...text].reverse().join('') })),
    right: ({ answer }) => `<reversed_text>${answer}</reversed_text>`,
  },
  'debian-sections': {
    rows: ['games', 'mail', 'sound'].map((section) => ({ text: `About ${section}`, section })),
  },
};
/** The tasks of reasoning-gym. */
const GYM: Sample = { rows: ['12', '7', '0'].map((answer) => ({ question: `What is ${answer}?`, answer })) };

describe('presets', () => {
  it('are those of the journal, each with what it reported', () => {
    for (const name of [
      'arithmetic-baseline',
      'arithmetic-long',
      'arithmetic-higher-beta',
      'arithmetic-higher-lr',
      'arithmetic-no-kl',
      'arithmetic-expanded',
      'arithmetic-partial-credit',
      'arithmetic-curriculum',
      'arithmetic-temperature-1-g4',
      'mixed-g4',
      'small-numbers-g4',
      'arithmetic-temperature-1',
      'small-numbers',
      'mixed',
      'mixed-small-numbers',
      'mixed-extended',
      'mixed-curriculum',
      'mixed-large',
      'mixed-64',
      'overfit-comparison',
      'overfit-binary',
      'overfit-counting',
      'overfit-arithmetic',
    ])
      expect(names).toContain(name);
    expect(new Set(names).size).toBe(names.length);
    for (const { differs } of PRESETS) expect(differs).toBeTruthy();
    for (const { reported } of JOURNAL) expect(reported).toBeTruthy();
  });

  // The whole way to the first step, for each: problems enough, batches that divide, options that go together.
  it.each([...JOURNAL, ...BEYOND].map(({ name }) => name))('%s can be run', async (name) => {
    const options = optionsOf(name);
    const stages = await loadStages(options);
    const { train, stages: parts, heldOut } = await loadDataset(stages, options);
    const batches = planBatches(parts, options);
    if (options.maxSteps > 0) expect(batches.totalSteps).toBe(options.maxSteps);
    else expect(batches.epochs).toBeCloseTo(options.numTrainEpochs, 10);
    expect(heldOut.length).toBeGreaterThan(0);
    for (let step = 0; step < batches.totalSteps; step += 7)
      for (const position of batches.prompts(step)) expect(train[position]).toBeDefined();
  });

  it.each(PUBLISHED.map(({ name }) => name))('%s can be run with its data', async (name) => {
    const { rows, right = ({ answer }: Problem) => answer } = SAMPLES[name] ?? GYM;
    const folder = temporaryFolder();
    for (const [split, part] of [
      ['train', rows.slice(1)],
      ['test', rows.slice(0, 1)],
    ] as const)
      writeFileSync(join(folder, `${split}.jsonl`), part.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const options = toOptions(
      trainConfig({
        preset: name,
        datasetName: folder,
        datasetConfig: null,
        batchSize: 32,
        numGenerations: 16,
      }),
    );
    const stages = await loadStages(options);
    const { train, stages: parts, heldOut } = await loadDataset(stages, options);
    expect(planBatches(parts, options).totalSteps).toBeGreaterThan(0);
    expect([train.length, heldOut.length]).toEqual([2, 1]);
    // What the data says is right is right, and earns 1.
    const { task } = stages[0]!;
    const rewards = await loadRewards(options.reward, task);
    const { isCorrect } = rulesOf(task, rewards, options.rewardWeights);
    for (const problem of train)
      for (const [text, isRight] of [
        [right(problem), true],
        ['I do not know.', false],
      ] as const) {
        const completion = { prompt: problem.prompt, answer: problem.answer, completion: text, problem };
        const values = await Promise.all(rewards.map(async ({ reward }) => (await reward([completion]))[0]!));
        expect(isCorrect(completion, values, 0)).toBe(isRight);
        const [sum] = weightedSum(
          values.map((value) => [value]),
          options.rewardWeights,
        );
        expect(sum).toBeCloseTo(isRight ? 1 : 0);
      }
  });

  it('have the common base where they say nothing else', () => {
    expect(optionsOf('arithmetic-baseline')).toMatchObject({
      model: 'Qwen/Qwen2-0.5B',
      lossType: 'grpo',
      scaleRewards: 'group',
      beta: 0.1,
      learningRate: 5e-6,
      lrSchedulerType: 'linear',
      temperature: 0.7,
      batchSize: 64,
      numGenerations: 16,
      numTrainEpochs: 30,
      trainSamples: 100,
    });
    expect(optionsOf('arithmetic-higher-beta')).toMatchObject({ beta: 0.2, seed: 321, numTrainEpochs: 50 });
    expect(optionsOf('mixed')).toMatchObject({ batchSize: 240, trainSamples: 150 });
  });

  it('go beyond it by another base', () => {
    expect(optionsOf('beyond-arithmetic', 'm')).toMatchObject({
      model: 'm',
      samplingMethod: 'most_probable',
      estimator: 'exact',
      problemSampling: 'posterior',
      trainSamples: null,
    });
    expect(Object.keys(outcomes(findPreset('beyond-mixed')))).toEqual(['measured']);
    expect(Object.keys(outcomes(findPreset('mixed')))).toEqual(['journal']);
  });

  it('give way to whatever else is said', () => {
    expect(trainConfig({ preset: 'mixed', seed: 7, beta: 0 })).toMatchObject({
      preset: 'mixed',
      seed: 7,
      beta: 0,
      batch_size: 240,
    });
  });

  it('scale the learning rate on the embedded model, by the rule they state', () => {
    expect(optionsOf('arithmetic-baseline', 'tiny')).toMatchObject({
      model: 'tiny',
      learningRate: TINY_RULE.rate * 5e-6,
      batchSize: 64,
      numTrainEpochs: 30,
      maxSteps: -1,
    });
    expect(optionsOf('overfit-counting', 'tiny').learningRate).toBe(TINY_RULE.most);
    expect(trainConfig({ preset: 'mixed', model: 'tiny', learningRate: 1e-4 }).learning_rate).toBe(1e-4);
  });

  it('go on from the run of another, of the same model', () => {
    expect(presetOptions('mixed-extended', 'Qwen/Qwen2.5-0.5B').init_from).toBe('runs/Qwen2.5-0.5B-mixed');
    expect(presetOptions('mixed-extended', 'tiny').init_from).toBe('runs/tiny-mixed');
  });

  it('are found by name, with the nearest where there is none', async () => {
    expect(findPreset('mixed').name).toBe('mixed');
    expect(await codeOf(() => trainConfig({ preset: 'arithmetic-baselin' }))).toBe('PRESET_NOT_FOUND');
    expect(() => findPreset('arithmetic-baselin')).toThrow(
      expect.objectContaining({
        fix: expect.stringContaining('did you mean arithmetic-baseline?') as string,
      }),
    );
  });

  it('are listed with what the journal says', () => {
    const text = presetsText(80);
    for (const preset of PRESETS)
      for (const part of [preset.name, preset.differs, ...Object.values(outcomes(preset))])
        expect(text).toContain(part);
  });
});
