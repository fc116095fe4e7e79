import { describe, expect, it } from 'vitest';
import { toOptions } from '../../../../src/run/train-options.js';
import { trainConfig } from '../../../../src/experiments/train.js';
import { planBatches } from '../../../../src/grpo/batches.js';
import { BEYOND } from '../../../../src/experiments/presets/beyond.js';
import {
  findPreset,
  outcomeFrom,
  presetOptions,
  PRESETS,
  TINY_RULE,
} from '../../../../src/experiments/presets/index.js';
import { presetsText } from '../../../../src/ui/terminal/presets.js';
import { loadDataset, loadStages } from '../../../../src/data/tasks/index.js';
import { codeOf } from '../../../support/fixtures.js';

const names = PRESETS.map(({ name }) => name);
const optionsOf = (preset: string, model?: string) =>
  toOptions(trainConfig({ preset, ...(model !== undefined && { model }) }));

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
    for (const { outcome, differs } of PRESETS) expect(outcome && differs).toBeTruthy();
  });

  // The whole way to the first step, for each: problems enough, batches that divide, options that go together.
  it.each(names)('%s can be run', async (name) => {
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
    for (const preset of BEYOND) expect(outcomeFrom(preset)).toBe('measured');
    expect(outcomeFrom(findPreset('mixed'))).toBe('journal');
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
    const text = presetsText(PRESETS, 80);
    for (const { name, differs, outcome } of PRESETS)
      for (const part of [name, differs, outcome]) expect(text).toContain(part);
  });
});
