/** What options change in a run: off-policy steps, masks, several rewards, a reference that follows, curricula. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TrainInput } from '../../../src/run/train-options.js';
import type { JudgedCompletion } from '../../../src/run/events.js';
import { LOSS_TYPES } from '../../../src/grpo/losses/types.js';
import { train } from '../../../src/experiments/train.js';
import type { Metrics } from '../../../src/grpo/metrics.js';
import { fakeModel } from '../../support/fake-model.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { digits, interrupt, lines, rows, run } from '../../support/trainer.js';

/** The steps of a run that writes nothing. */
async function stepsOf(input: TrainInput, extras: Parameters<typeof run>[1] = {}): Promise<Metrics[]> {
  const steps: Metrics[] = [];
  await run({ evalSamples: 0, ...input }, { save: false, onStep: (m) => void steps.push(m), ...extras });
  return steps;
}

const CURRICULUM = [{ untilEpoch: 1, maxOperand: 3 }, { maxOperand: 4 }];

describe('an interrupted run goes on as if nothing had been', () => {
  it.each<[string, number, TrainInput]>([
    ['in the middle of a generation', 3, { stepsPerGeneration: 2, numIterations: 2, batchSize: 8 }],
    ['with a reference that follows the policy', 3, { syncRefModel: true, refModelSyncSteps: 2 }],
    [
      'with an entropy bonus that moves',
      3,
      { useAdaptiveEntropy: true, entropyCoef: 0.1, entropyTarget: 9, entropyCoefDelta: 0.03 },
    ],
    [
      'with rewards by name and their options',
      2,
      { reward: [{ number: { read: 'last', name: 'strict' } }, 'format:answer', 'length:2'] },
    ],
    ['with every loss of the family', 2, { lossType: 'vespo', numIterations: 2 }],
  ])('%s', async (_what, step, input) => {
    const parent = temporaryFolder();
    const whole = join(parent, 'whole');
    const parted = join(parent, 'parted');
    await run({ ...input, outputDir: whole });
    expect((await interrupt(parted, step, input)).interrupted).toBe(true);
    expect(existsSync(join(parted, 'final'))).toBe(false);
    await run({ ...input, outputDir: parted, resume: true });
    expect(rows(parted)).toEqual(rows(whole));
    expect(lines(parted, 'completions.jsonl')).toEqual(lines(whole, 'completions.jsonl'));
    expect(readFileSync(join(parted, 'final', 'weights.json'), 'utf8')).toBe(
      readFileSync(join(whole, 'final', 'weights.json'), 'utf8'),
    );
  });

  it('between the stages of a curriculum', async () => {
    const parent = temporaryFolder();
    const input = (name: string): TrainInput => ({
      task: 'arithmetic',
      curriculum: CURRICULUM,
      batchSize: 32,
      numGenerations: 4,
      numTrainEpochs: 2,
      maxSteps: -1,
      maxCompletionLength: 3,
      evalSamples: 4,
      outputDir: join(parent, name),
    });
    await train(input('whole'), { model: await fakeModel() });
    const abort = new AbortController();
    await train(input('parted'), {
      model: await fakeModel(),
      signal: abort.signal,
      onStep: ({ epoch }) => {
        if (epoch === 1) abort.abort();
      },
    });
    await train({ ...input('parted'), resume: true }, { model: await fakeModel() });
    expect(rows(join(parent, 'parted'))).toEqual(rows(join(parent, 'whole')));
    const met = lines(join(parent, 'whole'), 'completions.jsonl');
    const numbers = met.map(({ prompt }) => Math.max(...String(prompt).match(/\d+/g)!.map(Number)));
    expect(Math.max(...numbers)).toBe(4);
    expect(numbers.slice(0, 8).every((number) => number <= 3)).toBe(true);
  });
});

describe('a generation that several steps learn from', () => {
  it('is sampled once, scored once, and left behind by the policy', async () => {
    const model = await fakeModel();
    const steps = await stepsOf(
      { stepsPerGeneration: 2, numIterations: 2, maxSteps: 8, batchSize: 8, learningRate: 1 },
      { model },
    );
    expect(model.calls.sample).toBe(2);
    expect(steps.map((metrics) => metrics['tokens/sampled']! > 0)).toEqual([
      true,
      ...[false, false, false],
      true,
      ...[false, false, false],
    ]);
    // The first step is the policy that sampled: nothing can be clipped.
    expect(steps[0]!['clip_ratio/region_mean']).toBe(0);
    expect(steps.some((metrics) => metrics['clip_ratio/region_mean']! > 0)).toBe(true);
    // Both parts come back.
    expect(steps[2]!.reward).toBe(steps[0]!.reward);
    expect(steps[3]!.reward).toBe(steps[1]!.reward);
  });

  it.each(LOSS_TYPES)('teaches with %s', async (lossType) => {
    const steps = await stepsOf({ lossType, numIterations: 2, maxSteps: 20, beta: 0.01 });
    const reward = (part: Metrics[]) => part.reduce((sum, metrics) => sum + metrics.reward!, 0) / part.length;
    expect(reward(steps.slice(-6))).toBeGreaterThan(reward(steps.slice(0, 4)) + 0.2);
  });
});

describe('completions that were cut off', () => {
  it('teach nothing where they are masked', async () => {
    const never = { ...digits, stop: undefined };
    const options = { maxCompletionLength: 1, beta: 0, maxSteps: 1 };
    const [plain] = await stepsOf(options, { task: never as never });
    const [masked] = await stepsOf({ ...options, maskTruncatedCompletions: true }, { task: never as never });
    expect(plain!['completions/clipped_ratio']).toBeGreaterThan(0.9);
    expect(masked!.grad_norm).toBeLessThan(plain!.grad_norm!);
    expect(masked!.reward).toBe(plain!.reward);
  });
});

describe('rewards by name', () => {
  it('decide what is right, how it is read and where it ends', async () => {
    const seen: JudgedCompletion[] = [];
    const [step] = await stepsOf(
      {
        ...{ reward: ['length:2', { number: { name: 'strict' } }], maxSteps: 1, maxCompletionLength: 6 },
        ...{ batchSize: 256, numGenerations: 64 },
      },
      { onCompletions: (_, completions) => void seen.push(...completions) },
    );
    expect(seen.some(({ correct }) => correct)).toBe(true);
    expect(seen.some(({ ended }) => ended === 'stop')).toBe(true);
    for (const { correct, rewards, extracted, completion, answer, ended } of seen) {
      expect(correct).toBe(rewards!.strict === 1);
      expect(correct).toBe(extracted === answer);
      // From four characters on nothing changes what the length earns.
      if (ended === 'stop') expect(completion.length).toBeGreaterThanOrEqual(4);
    }
    expect(step!.accuracy).toBeCloseTo(seen.filter(({ correct }) => correct).length / seen.length, 12);
    expect(step!.accuracy).toBeLessThan(step!.reward!);
  });
});

describe('several rewards', () => {
  const brevity = (completions: { completion: string }[]) =>
    completions.map(({ completion }) => (completion.length > 1 ? null : -completion.length));

  it('are summed by their weights, told apart in metrics, and may have nothing to say', async () => {
    const { loadRewards } = await import('../../../src/data/rewards/load.js');
    expect((await loadRewards(['task', 'partial_credit'], digits)).map(({ name }) => name)).toEqual([
      'task',
      'partial_credit',
    ]);
    const outputDir = join(temporaryFolder(), 'run');
    const seen: JudgedCompletion[] = [];
    await run(
      { outputDir, reward: ['task', 'partial_credit'], rewardWeights: [1, 0.5], maxSteps: 2 },
      { onCompletions: (_, completions) => void seen.push(...completions) },
    );
    const [header, first] = rows(outputDir);
    expect(header!.slice(-6)).toEqual([
      'rewards/task/mean',
      'rewards/task/std',
      'eval/rewards/task/mean',
      'rewards/partial_credit/mean',
      'rewards/partial_credit/std',
      'eval/rewards/partial_credit/mean',
    ]);
    const value = (name: string) => Number(first![header!.indexOf(name)]);
    expect(value('reward')).toBeCloseTo(
      value('rewards/task/mean') + 0.5 * value('rewards/partial_credit/mean'),
      10,
    );
    for (const { reward, rewards } of seen)
      expect(reward).toBeCloseTo(rewards!.task! + 0.5 * rewards!.partial_credit!, 10);
  });

  it('that say nothing of a completion move nothing', async () => {
    const [step] = await stepsOf({ beta: 0, maxSteps: 1, maxCompletionLength: 1 }, { reward: brevity });
    expect(step!.reward).toBeLessThanOrEqual(0);
    const nothing = await stepsOf({ beta: 0, maxSteps: 1 }, { reward: (c) => c.map(() => null) });
    expect(nothing[0]).toMatchObject({ grad_norm: 0, frac_reward_zero_std: 1 });
  });

  it('that say nothing of a whole step leave its columns empty, and the summary to the others', async () => {
    let calls = 0;
    const notices: string[] = [];
    const steps: Metrics[] = [];
    const summary = await run(
      { beta: 0, maxSteps: 4, evalSamples: 0 },
      {
        save: false,
        reward: (all) => all.map(() => (++calls > 16 && calls <= 48 ? null : 1)),
        onStep: (metrics) => void steps.push(metrics),
        onNotice: (text) => void notices.push(text),
      },
    );
    expect(steps.map(({ reward }) => reward)).toEqual([1, undefined, undefined, 1]);
    expect(steps.map(({ reward_std: std }) => std)).toEqual([0, undefined, undefined, 0]);
    expect(summary).toMatchObject({ rewardFirst: 1, rewardLast: 1 });
    expect(JSON.stringify(summary)).not.toContain('null');
    expect(notices.filter((text) => text.includes('(null)'))).toHaveLength(1);
    expect(notices.join()).toContain('step 2: ');
  });
});

describe('a reference that follows the policy', () => {
  it('is the policy after each step where it takes on all of it', async () => {
    const still = await stepsOf({ maxSteps: 4 });
    const follows = await stepsOf({
      maxSteps: 4,
      syncRefModel: true,
      refModelSyncSteps: 1,
      refModelMixupAlpha: 1,
    });
    expect(still.at(-1)!.kl).toBeGreaterThan(1e-3);
    for (const { kl } of follows) expect(Math.abs(kl!)).toBeLessThan(1e-6);
  });
});

describe('options that do not go together', () => {
  it.each<[string, TrainInput]>([
    ['sync_ref_model without a reference', { syncRefModel: true, beta: 0 }],
    ['weights for other rewards', { rewardWeights: [1, 2] }],
    ['a least weight above the most', { entropyCoefMin: 2 }],
    ['use_peft, of a model without adapters', { usePeft: true }],
  ])('%s', async (_, input) => {
    expect(await codeOf(run({ ...input, outputDir: join(temporaryFolder(), 'run') }))).toBe(
      'BAD_COMBINATION',
    );
  });

  it('adapters, whose reference is the model without them, and sync_ref_model', async () => {
    const model = Object.assign(await fakeModel(), {
      lora: { r: 1, alpha: 1, targetModules: null, rslora: false },
    });
    const input = { syncRefModel: true, outputDir: join(temporaryFolder(), 'run') };
    await expect(run(input, { model })).rejects.toMatchObject({
      code: 'BAD_COMBINATION',
      message: expect.stringContaining('sync_ref_model') as string,
    });
  });

  it.each<[string, TrainInput]>([
    ['luspo is meant for', { lossType: 'luspo' }],
    ['vespo weighs whole completions', { lossType: 'vespo', importanceSamplingLevel: 'sequence' }],
    ['weighs a completion by its length', { lossType: 'dapo', importanceSamplingLevel: 'sequence' }],
    ['changes nothing here', { delta: 2 }],
  ])('are told: %s', async (text, input) => {
    const notices: string[] = [];
    await run({ ...input, maxSteps: 1 }, { save: false, onNotice: (notice) => void notices.push(notice) });
    expect(notices.join('\n')).toContain(text);
  });
});

describe('problems that come again', () => {
  it('draw other completions in the same step', async () => {
    const seen: JudgedCompletion[] = [];
    const one = { ...digits, problems: async () => (await digits.problems()).slice(0, 5) };
    await run(
      { trainSamples: 8, uniqueSamples: 1, batchSize: 8, maxSteps: 1, temperature: 2, stop: 'none' },
      { task: one, save: false, onCompletions: (_, completions) => void seen.push(...completions) },
    );
    expect(new Set(seen.map(({ prompt }) => prompt)).size).toBe(1);
    const texts = seen.map(({ completion }) => completion);
    expect(texts.slice(0, 4)).not.toEqual(texts.slice(4));
  });
});
