/** The choice of problems and the estimators in whole runs, without the addon. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TrainInput } from '../../../src/run/train-options.js';
import { temporaryFolder } from '../../support/fixtures.js';
import { digits, interrupt, lines, rows, run } from '../../support/trainer.js';
import { codeOf } from '../../support/fixtures.js';

const KINDS: TrainInput[] = [
  { problemSampling: 'posterior', estimator: 'exact', samplingTemperature: 1.2, baseline: 'leave_one_out' },
  { problemSampling: 'dynamic', estimator: 'rao_blackwell' },
  { problemSampling: 'posterior', stepsPerGeneration: 2, scaleRewards: 'mean' },
];

describe('a run that chooses its problems', () => {
  it.each(KINDS)('goes on after a stop as it would have: %j', async (kind) => {
    const [whole, parted] = [join(temporaryFolder(), 'whole'), join(temporaryFolder(), 'parted')];
    await run({ ...kind, outputDir: whole });
    await interrupt(parted, 3, kind);
    await run({ ...kind, outputDir: parted, resume: true });
    expect(rows(parted)).toEqual(rows(whole));
    expect(lines(parted, 'completions.jsonl')).toEqual(lines(whole, 'completions.jsonl'));
  });

  it('counts epochs by the problems that it sampled for, and tells how many it has seen', async () => {
    const steps: Record<string, number | undefined>[] = [];
    // With one answer for everything, no group has spread: each step tries four times.
    const flat = { ...digits, reward: (completions: readonly unknown[]) => completions.map(() => 1) };
    await run(
      { problemSampling: 'dynamic', dynamicSamplingRounds: 4, maxSteps: 2, evalSamples: 0 },
      { task: flat, save: false, onStep: (metrics) => void steps.push({ ...metrics }) },
    );
    const problems = 40 - 8; // a fifth is held out
    const sampled = [16, 32];
    steps.forEach(({ epoch, frac_problems_seen: seen, 'tokens/sampled': tokens }, i) => {
      expect(epoch! * problems).toBeGreaterThan(0.8 * sampled[i]!);
      expect(seen).toBeGreaterThan(0);
      expect(tokens).toBeGreaterThan(0);
    });
    expect(steps[1]!.epoch).toBeCloseTo(2 * steps[0]!.epoch!, 10);
  });

  it('refuses draws that the estimator would take for the policy’s own', async () => {
    const wrong: TrainInput[] = [
      { samplingTemperature: 1.5 },
      { estimator: 'rao_blackwell', topK: 5 },
      { samplingMethod: 'most_probable' },
      { samplingMethod: 'without_replacement', estimator: 'rao_blackwell' },
      { samplingMethod: 'most_probable', estimator: 'exact', samplingTemperature: 1.5 },
      { samplingMethod: 'without_replacement', estimator: 'exact', topP: 0.9 },
      { samplingMethod: 'without_replacement', estimator: 'exact', samplingCoverage: 0.9 },
    ];
    for (const input of wrong) expect(await codeOf(run(input, { save: false }))).toBe('BAD_COMBINATION');
  });
});
