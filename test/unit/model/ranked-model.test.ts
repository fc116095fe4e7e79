/** Several processes train the model that one process trains, whatever is asked of them. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deal } from '../../../src/model/ranked-model.js';
import type { TrainInput } from '../../../src/run/train-options.js';
import type { TrainExtras } from '../../../src/run/extras.js';
import { fakeModel, type FakeModel } from '../../support/fake-model.js';
import { temporaryFolder } from '../../support/fixtures.js';
import { LocalRanks, summableModel } from '../../support/local-ranks.js';
import { lines, rows, run } from '../../support/trainer.js';

/** Relative: sums of parts are rounded in another order. */
const TOLERANCE = 1e-6;

async function trainTogether(
  size: number,
  input: TrainInput,
  extras: (rank: number) => TrainExtras = () => ({}),
) {
  const outputDir = join(temporaryFolder(), 'run');
  const group = LocalRanks.group(size);
  const models: FakeModel[] = [];
  const ended = await Promise.allSettled(
    group.map(async (ranks) => {
      const model = (models[ranks.rank] = await summableModel(ranks));
      return run({ outputDir, ...input }, { model, ranks, ...extras(ranks.rank) });
    }),
  );
  return { outputDir, models, ended, group };
}

/** Metrics as numbers, by column. */
function numbers(folder: string): Record<string, number>[] {
  const [names, ...values] = rows(folder);
  return values.map((row) => Object.fromEntries(row.map((text, i) => [names![i]!, Number(text)])));
}

function expectSame(one: string, other: string): void {
  expect(lines(other, 'completions.jsonl').map(({ completion }) => completion)).toEqual(
    lines(one, 'completions.jsonl').map(({ completion }) => completion),
  );
  const [before, after] = [numbers(one), numbers(other)];
  expect(after).toHaveLength(before.length);
  before.forEach((row, step) => {
    for (const [name, value] of Object.entries(row)) {
      const difference = Math.abs(after[step]![name]! - value);
      expect(difference, `${name} after step ${step}`).toBeLessThanOrEqual(
        TOLERANCE * Math.max(1, Math.abs(value)),
      );
    }
  });
}

const CASES: [string, TrainInput][] = [
  ['grpo', {}],
  ['grpo with a KL', { beta: 0.1 }],
  ['the KL over the vocabulary', { beta: 0.1, klEstimator: 'exact' }],
  ['dr_grpo', { lossType: 'dr_grpo' }],
  ['bnpo', { lossType: 'bnpo' }],
  ['dapo', { lossType: 'dapo', beta: 0.04 }],
  ['cispo', { lossType: 'cispo' }],
  ['the whole batch scaled', { scaleRewards: 'batch' }],
  ['entropies that choose tokens', { topEntropyQuantile: 0.5 }],
  ['accumulated micro-batches', { gradientAccumulationSteps: 4, lossType: 'dapo' }],
  ['completions that are used twice', { numIterations: 2, beta: 0.1 }],
  ['several steps a rollout', { stepsPerGeneration: 2 }],
  ['problems that can teach', { problemSampling: 'posterior', estimator: 'exact' }],
  ['groups that are drawn again', { problemSampling: 'dynamic' }],
  ['a reference that follows', { beta: 0.1, syncRefModel: true, refModelSyncSteps: 2 }],
  ['masked completions', { maskTruncatedCompletions: true }],
];

describe('a run by several ranks', () => {
  it.each(CASES)('is that of one: %s', async (_, input) => {
    const alone = join(temporaryFolder(), 'alone');
    await run({ outputDir: alone, ...input });
    for (const size of [2, 3, 7]) {
      const { outputDir, models, ended } = await trainTogether(size, input);
      expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 'fulfilled'));
      expectSame(alone, outputDir);
      // All have the same weights, to the last bit.
      for (const model of models) expect(model.weights).toEqual(models[0]!.weights);
    }
  });

  it('gives every rank a part of the work', async () => {
    const { models } = await trainTogether(4, { maxSteps: 2, evalSamples: 0 });
    for (const { calls } of models)
      expect(calls).toMatchObject({ sample: 2, forward: 2, backward: 2, optimizer: 2 });
  });

  it('asks a judge once', async () => {
    const asked: number[] = [];
    const { ended } = await trainTogether(3, { maxSteps: 2, evalSamples: 0 }, (rank) => ({
      reward: (completions) => {
        asked.push(rank);
        // What a second call would not give.
        return completions.map(() => Math.random());
      },
    }));
    expect(ended.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(asked).toEqual([0, 0]);
  });

  it('goes on from a checkpoint on another number of ranks', async () => {
    const input = { beta: 0.1, maxSteps: 6, saveSteps: 2 };
    const alone = join(temporaryFolder(), 'alone');
    await run({ outputDir: alone, ...input });
    const abort = new AbortController();
    const first = await trainTogether(2, input, (rank) => ({
      // One of them is asked to end; all do.
      ...(rank === 1 && {
        signal: abort.signal,
        onStep: ({ step }) => {
          if (step === 3) abort.abort();
        },
      }),
    }));
    expect(first.ended.map((one) => one.status === 'fulfilled' && one.value.interrupted)).toEqual([
      true,
      true,
    ]);
    const group = LocalRanks.group(3);
    await Promise.all(
      group.map(async (ranks) =>
        run(
          { outputDir: first.outputDir, ...input, resume: true },
          { model: await summableModel(ranks), ranks },
        ),
      ),
    );
    expectSame(alone, first.outputDir);
  });

  it('does not begin where one rank can not', async () => {
    // Only the last rank has a model that takes no part.
    const group = LocalRanks.group(3);
    const ended = await Promise.allSettled(
      group.map(async (ranks) => {
        const model = ranks.rank === 2 ? await fakeModel() : await summableModel(ranks);
        return run({ outputDir: join(temporaryFolder(), 'run') }, { model, ranks });
      }),
    );
    for (const one of ended)
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'BAD_COMBINATION' } });
  });

  it('ends in all ranks where one fails', async () => {
    const { ended, group } = await trainTogether(3, { maxSteps: 3 }, (rank) => ({
      reward: () => {
        throw new Error(`no judge for rank ${rank}`);
      },
    }));
    for (const one of ended)
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'REWARD_FAILED' } });
    expect(group.map(({ failures }) => failures.length)).toEqual([1, 1, 1]);
  });
});

describe('completions are dealt', () => {
  const of = (groups: number[], ranks: number, divisible = true) =>
    deal(groups, ranks, divisible).map(({ from, to }) => to - from);

  it('in whole groups while there are enough', () => {
    expect(of([4, 4, 4, 4], 2)).toEqual([8, 8]);
    expect(of([4, 4, 4], 2)).toEqual([4, 8]);
    expect(of([1, 2, 3, 4, 5], 5)).toEqual([1, 2, 3, 4, 5]);
  });

  it('in parts of groups where there are more ranks, if they may be divided', () => {
    expect(of([8], 4)).toEqual([2, 2, 2, 2]);
    expect(of([8, 8], 3)).toEqual([8, 4, 4]);
    expect(of([2], 3)).toEqual([0, 1, 1]);
    expect(of([8, 8], 3, false)).toEqual([0, 8, 8]);
  });

  it('each to one rank', () => {
    for (const groups of [[3], [3, 1], [5, 5, 5], [2, 7, 1, 1]])
      for (let ranks = 1; ranks < 9; ranks++)
        for (const divisible of [true, false]) {
          const ranges = deal(groups, ranks, divisible);
          expect(ranges).toHaveLength(ranks);
          expect(ranges[0]!.from).toBe(0);
          ranges.slice(1).forEach(({ from }, i) => expect(from).toBe(ranges[i]!.to));
          expect(ranges.at(-1)!.to).toBe(groups.reduce((sum, count) => sum + count));
        }
  });
});
