import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDataset, splitOf } from '../../../src/data/tasks/index.js';
import type { Completion, Task } from '../../../src/data/tasks/task.js';
import {
  choosingOf,
  earlyEnd,
  evaluationsWithout,
  isBest,
  type ChoiceState,
} from '../../../src/run/choosing.js';
import type { Evaluation } from '../../../src/run/evaluate.js';
import type { TrainExtras } from '../../../src/run/extras.js';
import { lineageOf, type TrainerState } from '../../../src/run/folder/checkpoints.js';
import type { TrainInput } from '../../../src/run/train-options.js';
import { plan } from '../../../src/experiments/plan.js';
import { fakeModel } from '../../support/fake-model.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { digits, lines, rows, run, summaryOf } from '../../support/trainer.js';

const isValidation = (prompt: string) => splitOf(prompt, { validation: true }) === 'validation';

describe('the choice', () => {
  const evaluation = (accuracy: number): Evaluation => ({
    ...{ correct: 0, total: 0, accuracy, low: 0, high: 1, reward: accuracy, temperature: 0 },
    ...{ meanLength: 1, seconds: 0 },
  });

  // By transformers 5.24: EarlyStoppingCallback.on_evaluate and then Trainer._determine_best_metric.
  it.each([
    [[0.5, 0.6, 0.6, 0.6, 0.7], 2, 0, 4, 2, 0.6, [0, 0, 1, 2]],
    [[0.5, 0.5, 0.5], 3, 0, 3, 1, 0.5, [0, 1, 2]],
    [[0.1, 0.2, 0.15, 0.12, 0.3], 2, 0, 4, 2, 0.2, [0, 0, 1, 2]],
    [[0.5, 0.52, 0.54, 0.56, 0.58, 0.6], 2, 0.03, 3, 3, 0.54, [0, 1, 2]],
    [[0.5, 0.6, 0.61, 0.7, 0.71, 0.72], 3, 0.05, 6, 6, 0.72, [0, 0, 1, 0, 1, 2]],
    [[-1, -0.5, -0.75, -0.5, -0.25], 3, 0, 5, 5, -0.25, [0, 0, 1, 2, 0]],
    [[0.3, 0.2, 0.1], 1, 0, 2, 1, 0.3, [0, 1]],
    [[0, 0, 0.25, 0.25, 0.5], 2, 0.125, 5, 5, 0.5, [0, 1, 0, 1, 0]],
  ])(
    'is that of transformers: %j, patience %d, threshold %d',
    (seen, patience, threshold, last, best, metric, counters) => {
      const choosing = choosingOf({ earlyStoppingPatience: patience, earlyStoppingThreshold: threshold })!;
      const state: ChoiceState = {};
      const counted: number[] = [];
      for (const [i, accuracy] of seen.entries()) {
        const validation = evaluation(accuracy);
        state.early_stopping_patience_counter = evaluationsWithout(choosing, state, validation);
        if (isBest(choosing, state, validation))
          Object.assign(state, { best_metric: accuracy, best_global_step: i + 1 });
        counted.push(state.early_stopping_patience_counter);
        if (earlyEnd(choosing, state)) break;
      }
      expect(counted).toEqual(counters);
      expect(counted).toHaveLength(last);
      expect(state).toMatchObject({ best_global_step: best, best_metric: metric });
    },
  );

  it('is made where any option asks for it, by accuracy unless another metric is named', () => {
    expect(choosingOf({})).toBeUndefined();
    expect(choosingOf({ loadBestModelAtEnd: false, metricForBestModel: null })).toBeUndefined();
    expect(choosingOf({ loadBestModelAtEnd: true })).toMatchObject({ metric: 'accuracy', loadBest: true });
    expect(choosingOf({ stopAtAccuracy: 0 })).toMatchObject({ metric: 'accuracy', stopAtAccuracy: 0 });
    for (const metric of ['reward', 'eval_reward'] as const)
      expect(choosingOf({ metricForBestModel: metric })).toMatchObject({ metric: 'reward', loadBest: false });
  });
});

/** Validation problems asked in an evaluation. */
const ASKED = 8;

/**
 * A run whose validation accuracy is as the test says, evaluation after evaluation: eighths, from before the first
 * step on. What it learns from and what is held out is judged as ever.
 */
async function scripted(eighths: readonly number[], input: TrainInput, extras: TrainExtras = {}) {
  let step = 0;
  let right = 0;
  const task: Task = {
    ...digits,
    problems: () => Array.from({ length: 200 }, (_, i) => ({ prompt: `Say ${i}: `, answer: '1' })),
    reward: (completions: Completion[]) => {
      right = 0;
      return completions.map((completion) => {
        if (!isValidation(completion.prompt)) return (digits.reward([completion]) as number[])[0]!;
        return right++ < eighths[step / 2]! ? 1 : -1;
      });
    },
  };
  return run(
    { evalSamples: ASKED, maxSteps: 12, ...input },
    {
      ...extras,
      task,
      onPhase: (phase, at) => {
        if (phase.startsWith('evaluating')) step = at;
        extras.onPhase?.(phase, at);
      },
    },
  );
}

const stateOf = (checkpoint: string) =>
  JSON.parse(readFileSync(join(checkpoint, 'trainer_state.json'), 'utf8')) as TrainerState;
const weightsIn = (folder: string) => readFileSync(join(folder, 'weights.json'), 'utf8');

/** Weights after each second step, of an undisturbed run. */
const weights: Record<number, string> = {};
beforeAll(async () => {
  const model = await fakeModel();
  const keep = (step: number) => void (weights[step] = JSON.stringify([...model.weights]));
  await scripted([0, 1, 2, 3, 4, 5, 6], { stopAtAccuracy: 1 }, { model, save: false, onValidate: keep });
});

describe('validation problems', () => {
  it('are taken from those to learn from, and only where the run chooses', async () => {
    const prompts = (problems: { prompt: string }[]) => problems.map(({ prompt }) => prompt);
    const [without, chosen] = [await loadDataset(digits), await loadDataset(digits, { validation: true })];
    expect(prompts(chosen.validation).sort()).toEqual(['Say 17: ', 'Say 29: ']);
    expect(without.validation).toEqual([]);
    expect(prompts(without.train)).toEqual(expect.arrayContaining(prompts(chosen.validation)));
    expect(prompts(chosen.heldOut)).toEqual(prompts(without.heldOut));
    expect([...prompts(chosen.train), ...prompts(chosen.validation)].sort()).toEqual(
      prompts(without.train).sort(),
    );
  });

  it('have columns of their own, and leave the others as they are', async () => {
    const parent = temporaryFolder();
    const [usual, chosen] = [join(parent, 'usual'), join(parent, 'chosen')];
    await scripted([], { outputDir: usual });
    await scripted([0, 1, 2, 3, 4, 5, 6], { outputDir: chosen, metricForBestModel: 'reward' });
    const columns = ['val/accuracy', 'val/accuracy_low', 'val/accuracy_high', 'val/reward'];
    expect(rows(chosen)[0]).toEqual([...rows(usual)[0]!, ...columns]);
    const evaluated = lines(chosen, 'metrics.jsonl').filter((row) => row['val/accuracy'] !== undefined);
    expect(evaluated.map((row) => [row.step, row['val/accuracy'], row['val/reward']])).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((n) => [2 * n, n / ASKED, (2 * n) / ASKED - 1]),
    );
    expect(evaluated.every((row) => row['eval/accuracy'] !== undefined)).toBe(true);
    const trained = lines(chosen, 'completions.jsonl').map(({ prompt }) => String(prompt));
    expect(trained.some(isValidation)).toBe(false);
    expect(existsSync(join(usual, 'best'))).toBe(false);
    expect(Object.keys(stateOf(join(usual, 'checkpoints', 'checkpoint-12'))).join()).not.toMatch(
      /best_|counter|validation/,
    );
  });

  it('must be there', async () => {
    const few: Task = { ...digits, problems: async () => (await digits.problems()).slice(0, 10) };
    const outputDir = join(temporaryFolder(), 'run');
    expect(await codeOf(run({ outputDir, maxSteps: 1, batchSize: 8 }, { task: few }))).toBe('no error');
    const choosing = { maxSteps: 1, batchSize: 8, loadBestModelAtEnd: true };
    const fresh = join(temporaryFolder(), 'run');
    expect(await codeOf(run({ ...choosing, outputDir: fresh }, { task: few }))).toBe('DATASET_EMPTY');
    expect(existsSync(fresh)).toBe(false);
  });
});

describe('a run that chooses', () => {
  it('keeps its best weights beside its last, and says which figure chose and which tells', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const heldOut: [number, Evaluation][] = [];
    const validated: number[] = [];
    const summary = await scripted(
      [8, 1, 3, 2, 3, 0, 1],
      { outputDir, metricForBestModel: 'eval_accuracy' },
      {
        onEvaluate: (step, evaluation) => void heldOut.push([step, evaluation]),
        onValidate: (step) => void validated.push(step),
      },
    );
    expect(validated).toEqual([0, 2, 4, 6, 8, 10, 12]);
    // The first of two that are equal; what was before the first step is no candidate.
    expect(summary.best).toMatchObject({ step: 4, metric: 'accuracy', loaded: false });
    expect(summary.best!.validation).toMatchObject({ correct: 3, total: ASKED });
    expect(summary.best!.heldOut).toEqual(heldOut.find(([step]) => step === 4)![1]);
    expect(summary.after).toEqual(heldOut.at(-1)![1]);
    expect(summary).toMatchObject({ steps: 12, finalModel: join(outputDir, 'final') });
    expect(summary.earlyEnd).toBeUndefined();
    expect(weightsIn(summary.best!.model!)).toBe(weights[4]);
    expect(weightsIn(join(outputDir, 'final'))).toBe(weights[12]);
    expect(stateOf(summary.checkpoint!)).toMatchObject({
      ...{ best_metric: 3 / ASKED, best_global_step: 4, best_model_checkpoint: 'best' },
      early_stopping_patience_counter: 4,
    });
    expect(await lineageOf(join(outputDir, 'best'))).toMatchObject({ step: 4, model: 'tiny' });
    expect(readdirSync(join(outputDir, 'checkpoints')).sort()).toEqual(['checkpoint-10', 'checkpoint-12']);
  });

  it('stands for its best weights where it is told so', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const model = await fakeModel();
    const heldOut: [number, Evaluation][] = [];
    const summary = await scripted(
      [0, 1, 3, 2, 3, 0, 1],
      { outputDir, loadBestModelAtEnd: true },
      { model, onEvaluate: (step, evaluation) => void heldOut.push([step, evaluation]) },
    );
    expect(summary.best).toMatchObject({ step: 4, loaded: true });
    expect(summary.after).toEqual(heldOut.find(([step]) => step === 4)![1]);
    expect(JSON.stringify([...model.weights])).toBe(weights[4]);
    expect(weightsIn(join(outputDir, 'final'))).toBe(weights[12]);
  });

  it('ends in order when patience is at its end, and stays so when it is resumed', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const script = [0, 1, 3, 2, 3, 4, 5];
    const input = { outputDir, earlyStoppingPatience: 2 };
    const first = await scripted(script, input);
    expect(first).toMatchObject({
      ...{ steps: 8, interrupted: false },
      earlyEnd: {
        option: 'early_stopping_patience',
        reason: 'validation accuracy was not better in 2 evaluations',
      },
      best: { step: 4 },
    });
    expect(first.after).toBeDefined();
    expect(weightsIn(join(outputDir, 'final'))).toBe(weights[8]);
    const before = readFileSync(join(outputDir, 'summary.json'), 'utf8');
    const notices: string[] = [];
    const again = await scripted(
      script,
      { ...input, resume: true, maxSteps: 14 },
      { onNotice: (text) => void notices.push(text) },
    );
    expect(again).toEqual(first);
    expect(readFileSync(join(outputDir, 'summary.json'), 'utf8')).toBe(before);
    expect(notices.at(-1)).toMatch(/ended after step 8, since .*A greater --early-stopping-patience lets it/);
    const on = await scripted(script, { ...input, resume: true, earlyStoppingPatience: 3 });
    expect(on).toMatchObject({ steps: 12, best: { step: 12 } });
    expect(on.earlyEnd).toBeUndefined();
  });

  it('counts an evaluation only where it is better by more than the threshold', async () => {
    const input = { earlyStoppingPatience: 2, earlyStoppingThreshold: 0.2 };
    const summary = await scripted([0, 1, 2, 3, 4, 5, 6], input, { save: false });
    expect(summary).toMatchObject({ steps: 6, best: { step: 6, model: undefined } });
    expect(summary.earlyEnd!.reason).toBe(
      'validation accuracy was not better by more than 0.2 in 2 evaluations',
    );
  });

  it('ends when its validation accuracy is high enough, whatever it was before the first step', async () => {
    const summary = await scripted([8, 1, 6, 7, 8, 8, 8], { stopAtAccuracy: 0.75 }, { save: false });
    expect(summary).toMatchObject({
      steps: 4,
      earlyEnd: { option: 'stop_at_accuracy', reason: 'validation accuracy has reached 75.0%' },
    });
  });

  it.each<[string, TrainInput, string]>([
    ['patience without evaluations', { earlyStoppingPatience: 2, evalSteps: 0 }, 'early_stopping_patience'],
    ['a target without problems', { stopAtAccuracy: 0.5, evalSamples: 0 }, 'stop_at_accuracy'],
    ['a choice of one', { loadBestModelAtEnd: true, evalSteps: 0 }, 'load_best_model_at_end'],
    ['a metric of nothing', { metricForBestModel: 'reward', evalSamples: 0 }, 'metric_for_best_model'],
    ['a threshold of nothing', { earlyStoppingThreshold: 0.1 }, 'early_stopping_threshold'],
  ])('is refused before work starts: %s', async (_what, input, option) => {
    const outputDir = join(temporaryFolder(), 'run');
    await expect(run({ ...input, outputDir })).rejects.toMatchObject({
      code: 'BAD_COMBINATION',
      message: expect.stringContaining(option) as string,
    });
    expect(existsSync(outputDir)).toBe(false);
  });

  it('needs a place for weights that it is to stand for; a plan needs none', async () => {
    const input: TrainInput = { loadBestModelAtEnd: true };
    expect(await codeOf(run(input, { save: false }))).toBe('BAD_COMBINATION');
    const small = { ...input, batchSize: 16, numGenerations: 4, maxSteps: 2, evalSamples: 4 };
    const planned = await plan(small, { task: digits, model: await fakeModel() });
    expect(planned.plan).toMatchObject({ validationProblems: 2, heldOutProblems: 4 });
  });
});

describe('the best weights of a run that is interrupted', () => {
  const script = [0, 1, 4, 2, 5, 3, 1];
  const crashAt = (at: number): TrainExtras => ({
    onStep: ({ step }) => {
      if (step === at) throw new Error('crash');
    },
  });

  it.each([3, 4, 5, 7, 8, 9])('are those of one that was not: crashed after step %d', async (at) => {
    const parent = temporaryFolder();
    const [whole, parted] = [join(parent, 'whole'), join(parent, 'parted')];
    const input = { loadBestModelAtEnd: true, saveSteps: 3 };
    await scripted(script, { ...input, outputDir: whole });
    await expect(scripted(script, { ...input, outputDir: parted }, crashAt(at))).rejects.toThrow('crash');
    await scripted(script, { ...input, outputDir: parted, resume: true });
    expect(rows(parted)).toEqual(rows(whole));
    expect(summaryOf(parted)).toEqual(summaryOf(whole));
    for (const name of ['final', 'best'])
      expect(weightsIn(join(parted, name))).toBe(weightsIn(join(whole, name)));
    const kept = (folder: string) => readdirSync(join(folder, 'checkpoints')).sort();
    expect(kept(parted)).toEqual(kept(whole));
  });

  it('are those that the checkpoint knows of, though better ones were found after it', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const input = { outputDir, loadBestModelAtEnd: true, saveSteps: 7 };
    // The checkpoint of step 7 knows of step 4; step 8 is better.
    await expect(scripted(script, input, crashAt(9))).rejects.toThrow('crash');
    expect(stateOf(join(outputDir, 'best')).global_step).toBe(8);
    expect(readdirSync(join(outputDir, 'checkpoints')).sort()).toEqual(['best-4', 'checkpoint-7']);
    // This time step 8 is not: the reward is another one.
    const summary = await scripted([0, 1, 4, 2, 3, 3, 1], { ...input, resume: true });
    expect(summary.best).toMatchObject({ step: 4, validation: { correct: 4 } });
    expect(weightsIn(join(outputDir, 'best'))).toBe(weights[4]);
    expect(readdirSync(join(outputDir, 'checkpoints')).sort()).toEqual(['checkpoint-12', 'checkpoint-7']);
  });

  it('are whole in one of two places, wherever a kill parts the two renames', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const input = { outputDir, loadBestModelAtEnd: true, saveSteps: 7 };
    await expect(scripted(script, input, crashAt(9))).rejects.toThrow('crash');
    // The former ones have been moved away, the new ones not yet to their place.
    renameSync(join(outputDir, 'best'), join(outputDir, 'checkpoints', 'best-8'));
    const summary = await scripted(script, { ...input, resume: true });
    expect(summary.best).toMatchObject({ step: 8 });
    expect(weightsIn(join(outputDir, 'best'))).toBe(weights[8]);
    expect(stateOf(join(outputDir, 'best')).global_step).toBe(8);
  });

  it('are chosen anew where they are gone, which is told', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const input = { outputDir, loadBestModelAtEnd: true, saveSteps: 5 };
    await expect(scripted(script, input, crashAt(7))).rejects.toThrow('crash');
    rmSync(join(outputDir, 'best'), { recursive: true });
    const notices: string[] = [];
    const summary = await scripted(
      [0, 1, 4, 2, 1, 3, 1],
      { ...input, resume: 'checkpoint-5' },
      { onNotice: (text) => void notices.push(text) },
    );
    expect(notices.join('\n')).toContain('those of step 4, are gone');
    expect(summary.best).toMatchObject({ step: 10, validation: { correct: 3 } });
  });

  it('are begun anew with a run that has no checkpoint', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const input = { outputDir, metricForBestModel: 'accuracy' as const, saveSteps: 0 };
    await expect(scripted(script, input, crashAt(5))).rejects.toThrow('crash');
    expect(stateOf(join(outputDir, 'best')).global_step).toBe(4);
    const abort = new AbortController();
    const summary = await scripted(
      script,
      { ...input, resume: true },
      { signal: abort.signal, onStep: () => abort.abort() },
    );
    expect(summary).toMatchObject({ interrupted: true, steps: 1 });
    expect(summary.best).toBeUndefined();
    expect(existsSync(join(outputDir, 'best'))).toBe(false);
  });

  it('cannot be chosen by what the run was trained on until then', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir });
    expect(await codeOf(run({ outputDir, resume: true, maxSteps: 8, earlyStoppingPatience: 2 }))).toBe(
      'RESUME_CHANGED',
    );
  });
});
