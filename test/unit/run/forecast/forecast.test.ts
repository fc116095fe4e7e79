import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TrainInput } from '../../../../src/run/train-options.js';
import { forecast as probe, verdict } from '../../../../src/run/forecast/forecast.js';
import { type Forecast } from '../../../../src/run/events.js';
import { plan } from '../../../../src/experiments/plan.js';
import type { RewardFunction } from '../../../../src/data/tasks/task.js';
import { fakeModel } from '../../../support/fake-model.js';
import { temporaryFolder } from '../../../support/fixtures.js';
import { healthy } from '../../../support/history.js';
import { plan as planned } from '../../../support/plan.js';
import { digits, lines, rows, run } from '../../../support/trainer.js';

const input: TrainInput = {
  batchSize: 128,
  numGenerations: 32,
  maxSteps: 100,
  learningRate: 0.3,
  maxCompletionLength: 3,
  evalSteps: 10,
  evalSamples: 4,
};

describe('a forecast', () => {
  it('leaves the model as it is, and writes nothing', async () => {
    const model = await fakeModel();
    const before = Float64Array.from(model.weights);
    const { forecast, plan: found } = await plan(input, { model, task: digits });
    expect(model.weights).toEqual(before);
    expect(model.steps).toBe(0);
    expect(found).toMatchObject({ steps: 100, promptsPerStep: 4, outputDir: undefined });
    expect(forecast).toMatchObject({ steps: 100, go: true });
    expect(forecast.groups).toBeGreaterThanOrEqual(16);
    expect(forecast.fracRewardZeroStd).toBeLessThan(0.5);
    expect(forecast.reward).toBeCloseTo(2 * forecast.accuracy - 1, 6);
    expect(forecast.hours).toBeGreaterThanOrEqual((100 * forecast.stepSeconds) / 3600);
    expect(forecast.memory.peak).toBeGreaterThan(forecast.memory.weights);
  });

  it.each<[string, RewardFunction, RegExp]>([
    ['every completion fails', (all) => all.map(() => -1), /same reward and not all are right/],
    ['every completion is right', (all) => all.map(() => 1), /little left to learn/],
  ])('says no where %s', async (_, reward, reason) => {
    const { forecast } = await plan(input, { model: await fakeModel(), task: digits, reward });
    expect(forecast.go).toBe(false);
    expect(forecast.fracRewardZeroStd).toBe(1);
    expect(forecast.reasons[0]).toMatch(reason);
  });

  it('counts the copy that checkpoints are written from, where there are any', async () => {
    const model = Object.assign(await fakeModel(), { snapshotBytes: () => 12_345 });
    const checkpoint = async (saveSteps: number) =>
      (await plan({ ...input, saveSteps }, { model, task: digits })).forecast.memory.checkpoint;
    expect(await checkpoint(10)).toBe(12_345);
    expect(await checkpoint(0)).toBe(0);
  });

  it('tells the time of a warm step, though a cold one takes longer than a probe should', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    onTestFinished(() => void vi.restoreAllMocks());
    const seconds = [16, 4];
    const takeStep = (step: number) => {
      const step_time = seconds[step - 1]!;
      now += 1000 * step_time;
      return Promise.resolve({ metrics: { ...healthy, step, step_time } });
    };
    const { stepSeconds, groups } = await probe(
      await fakeModel(),
      { takeStep },
      () => Promise.reject(new Error('not asked for')),
      { steps: 100, evalSamples: 0, validationProblems: 0, memory: planned().memory, expectedPeak: () => 0 },
      { evalSteps: 0, batchSize: 64, numGenerations: 16, stop: 'none' },
    );
    expect(stepSeconds).toBe(4);
    expect(groups).toBe(8);
  });

  it('at the start of a run is told and kept, and the run is the same without it', async () => {
    const folders = [true, false].map((probe) => ({ probe, outputDir: join(temporaryFolder(), 'run') }));
    const told: Forecast[] = [];
    for (const { probe, outputDir } of folders)
      await run({ probe, outputDir }, { onForecast: (forecast) => void told.push(forecast) });
    expect(told).toHaveLength(1);
    const [probed, other] = folders.map(({ outputDir }) => outputDir) as [string, string];
    expect(readdirSync(probed)).toContain('forecast.json');
    expect(readdirSync(other)).not.toContain('forecast.json');
    expect(rows(probed)).toEqual(rows(other));
    expect(lines(probed, 'completions.jsonl')).toEqual(lines(other, 'completions.jsonl'));
  });
});

describe('the verdict', () => {
  const { memory } = planned();
  const fine = {
    memory,
    groups: 16,
    fracRewardZeroStd: 0.1,
    fracAllRight: 0,
    accuracy: 0.3,
    clippedRatio: 0,
    numGenerations: 16,
    stop: 'answer' as const,
    nonfinite: false,
  };
  it.each([
    ['a spread in most groups', {}, true, /90% of 16 groups have a spread/],
    ['a quarter of the groups without', { fracRewardZeroStd: 0.25 }, true, /in 25% of 16 groups all/],
    ['half of them without', { fracRewardZeroStd: 0.5 }, false, /in 50% of 16 groups all/],
    ['groups that are right', { fracRewardZeroStd: 0.5, fracAllRight: 0.4 }, true, /50% of 16 groups have/],
    ['completions cut off', { clippedRatio: 0.3 }, true, /30% of the completions run into \S+: raise it$/],
    [
      'those that nothing ends',
      { clippedRatio: 0.3, stop: 'none' as const },
      true,
      /raise it, or end them with --stop/,
    ],
    ['most of them cut off', { clippedRatio: 0.5 }, false, /50% of the completions run into/],
    ['no number', { nonfinite: true }, false, /is NaN or infinite/],
    ['little memory', { memory: { ...memory, available: memory.peak / 2 } }, true, /done in parts/],
  ])('for %s', (_, change, go, reason) => {
    const found = verdict({ ...fine, ...change });
    expect(found.go).toBe(go);
    expect(found.reasons[0]).toMatch(reason);
  });
});
