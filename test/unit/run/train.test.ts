import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TrainInput } from '../../../src/run/train-options.js';
import { sft } from '../../../src/run/sft.js';
import type { Metrics } from '../../../src/grpo/metrics.js';
import { acquire } from '../../../src/machine/process-lock.js';
import type { RewardFunction } from '../../../src/data/tasks/task.js';
import { fakeModel } from '../../support/fake-model.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { digits, interrupt, lines, rows, run, summaryOf } from '../../support/trainer.js';

describe('a training run', () => {
  it('learns, and says what it did', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const steps: Metrics[] = [];
    const evaluated: number[] = [];
    const seen: string[] = [];
    const summary = await run(
      { outputDir, maxSteps: 20, evalSteps: 10, saveSteps: 8 },
      {
        onPlan: (plan) => {
          seen.push(`plan ${plan.steps} ${plan.promptsPerStep}`);
        },
        onStep: (metrics) => void steps.push(metrics),
        onEvaluate: (step) => void evaluated.push(step),
        onCheckpoint: (step) => void seen.push(`checkpoint ${step}`),
        onCompletions: (_, completions) => expect(completions).toHaveLength(16),
      },
    );
    expect(seen).toEqual(['plan 20 4', 'checkpoint 8', 'checkpoint 16', 'checkpoint 20']);
    expect(steps).toHaveLength(20);
    expect(evaluated).toEqual([0, 10, 20]);
    expect(summary.rewardLast!).toBeGreaterThan(summary.rewardFirst! + 0.5);
    expect(summary.after!.accuracy).toBeGreaterThan(0.9);
    expect(summary).toMatchObject({ steps: 20, interrupted: false, outputDir });

    expect(readdirSync(outputDir).sort()).toEqual([
      'checkpoints',
      'completions.jsonl',
      'config.yaml',
      'env.json',
      'final',
      'metrics.csv',
      'metrics.jsonl',
      'reference.jsonl',
      'summary.json',
    ]);
    const table = rows(outputDir);
    expect(table).toHaveLength(21);
    const counted = lines(outputDir, 'completions.jsonl').filter(({ step }) => step === 1);
    expect(counted.reduce((sum, { count }) => sum + Number(count), 0)).toBe(16);
    // Every tenth of the tokens is counted as TRL counts: prompts once a completion, since the start.
    expect(steps.at(-1)!.num_tokens).toBeGreaterThan(20 * 16 * 8);
    expect(JSON.parse(readFileSync(join(outputDir, 'summary.json'), 'utf8'))).toMatchObject({
      reward_last: summary.rewardLast,
    });
  });

  it('is the same again with the same seed, and another with another', async () => {
    const parent = temporaryFolder();
    const folder = (name: string) => join(parent, name);
    await run({ outputDir: folder('a') });
    await run({ outputDir: folder('b') });
    await run({ outputDir: folder('c'), seed: 7 });
    expect(rows(folder('b'))).toEqual(rows(folder('a')));
    expect(rows(folder('c'))).not.toEqual(rows(folder('a')));
  });

  it('writes nothing when it is told so', async () => {
    const summary = await run({}, { save: false });
    expect(summary.outputDir).toBeUndefined();
    expect(summary.finalModel).toBeUndefined();
  });

  it('accumulates parts into the same step', async () => {
    const whole: Metrics[] = [];
    const parts: Metrics[] = [];
    await run({}, { save: false, onStep: (metrics) => void whole.push(metrics) });
    await run(
      { gradientAccumulationSteps: 2 },
      { save: false, onStep: (metrics) => void parts.push(metrics) },
    );
    whole.forEach((metrics, i) => {
      expect(parts[i]!.loss).toBeCloseTo(metrics.loss!, 6);
      expect(parts[i]!.grad_norm).toBeCloseTo(metrics.grad_norm!, 6);
    });
  });

  it('keeps no reference without beta, and propagates nothing when nothing is to be learned', async () => {
    const model = await fakeModel();
    const steps: Metrics[] = [];
    const even: RewardFunction = (completions) => completions.map(() => 1);
    await run(
      { beta: 0, evalSamples: 0 },
      { model, reward: even, save: false, onStep: (m) => void steps.push(m) },
    );
    expect(model.reference).toBeUndefined();
    expect(model.calls).toMatchObject({ score: 0, forward: 6, backward: 0, optimizer: 6 });
    expect(steps[0]).toMatchObject({
      frac_reward_zero_std: 1,
      reward: 1,
      grad_norm: 0,
      'tokens/sampled': 16,
    });
    expect(steps[0]!.kl).toBeUndefined();
  });
});

describe('an interrupted run', () => {
  it.each<[string, number, TrainInput, string?]>([
    ['between steps', 3, {}],
    ['in the middle of sampling', 3, {}, 'sampling'],
    ['before an evaluation', 3, { evalSteps: 4 }, 'evaluating'],
    ['between two uses of the same completions', 3, { numIterations: 2 }],
    ['with accumulated parts and warm-up', 4, { gradientAccumulationSteps: 2, warmupSteps: 3 }],
    ['without a reference', 1, { beta: 0 }],
    ['with the KL over the vocabulary', 3, { klEstimator: 'exact', numIterations: 2 }],
  ])('goes on as if nothing had been: %s', async (_what, step, input, phase) => {
    const parent = temporaryFolder();
    const whole = join(parent, 'whole');
    const parted = join(parent, 'parted');
    await run({ ...input, outputDir: whole });
    const first = await interrupt(parted, step, input, phase);
    expect(first.interrupted).toBe(true);
    expect(first.checkpoint).toBeDefined();
    expect(existsSync(join(parted, 'final'))).toBe(false);
    const second = await run({ ...input, outputDir: parted, resume: true });
    expect(second).toMatchObject({ interrupted: false, steps: 6 });
    expect(summaryOf(parted)).toEqual(summaryOf(whole));
    expect(rows(parted)).toEqual(rows(whole));
    expect(lines(parted, 'completions.jsonl')).toEqual(lines(whole, 'completions.jsonl'));
    expect(readFileSync(join(parted, 'final', 'weights.json'), 'utf8')).toBe(
      readFileSync(join(whole, 'final', 'weights.json'), 'utf8'),
    );
  });

  it('sums up the seconds and tokens of all its sittings', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const first = await interrupt(outputDir, 3);
    const state = join(first.checkpoint!, 'trainer_state.json');
    const { elapsed } = JSON.parse(readFileSync(state, 'utf8')) as { elapsed: number };
    const second = await run({ outputDir, resume: true });
    const steps = lines(outputDir, 'metrics.jsonl').filter(({ step_time: time }) => time !== undefined);
    const sum = (name: string) => steps.reduce((total, row) => total + Number(row[name]), 0);
    expect(steps).toHaveLength(6);
    for (const [phase, seconds] of Object.entries(second.phases))
      expect(seconds, phase).toBeCloseTo(sum(`time/${phase}`), 9);
    expect(second.tokensComputedPerSecond).toBeCloseTo(sum('tokens/computed') / sum('step_time'), 6);
    // What the first sitting spent after it had saved is of no step.
    expect(elapsed).toBeGreaterThan(0);
    expect(second.seconds).toBeGreaterThan(elapsed);
    expect(second.peakMemory).toBeGreaterThanOrEqual(first.peakMemory);
  });

  it('that crashed after its checkpoint repeats the steps since', async () => {
    const parent = temporaryFolder();
    const whole = join(parent, 'whole');
    const crashed = join(parent, 'crashed');
    await run({ outputDir: whole });
    await expect(
      run(
        { outputDir: crashed },
        {
          onStep: ({ step }) => {
            if (step === 5) throw new Error('crash');
          },
        },
      ),
    ).rejects.toThrow('crash');
    writeFileSync(join(crashed, 'metrics.csv'), '6,0.1', { flag: 'a' });
    await run({ outputDir: crashed, resume: true });
    expect(rows(crashed)).toEqual(rows(whole));
  });

  it('that crashed before its first checkpoint is begun anew, and says nothing twice', async () => {
    const parent = temporaryFolder();
    const whole = join(parent, 'whole');
    const crashed = join(parent, 'crashed');
    await run({ outputDir: whole, saveSteps: 0 });
    const crash = () => {
      throw new Error('crash');
    };
    await expect(run({ outputDir: crashed, saveSteps: 0 }, { onStep: crash })).rejects.toThrow('crash');
    await run({ outputDir: crashed, saveSteps: 0, resume: true });
    expect(rows(crashed)).toEqual(rows(whole));
    const told = (folder: string) =>
      lines(folder, 'metrics.jsonl').map(({ step, checkpoint }) => [step, checkpoint !== undefined]);
    expect(told(crashed)).toEqual(told(whole));
    expect(told(crashed)[0]).toEqual([0, false]);
  });

  it('is told the same of its checkpoints as one that was not', async () => {
    const parent = temporaryFolder();
    const noted = (folder: string) =>
      lines(folder, 'metrics.jsonl').flatMap(({ step, checkpoint }) => (checkpoint ? [step] : []));
    // Killed when the checkpoint had its name and nothing else was done.
    const killed = join(parent, 'killed');
    const crash = () => {
      throw new Error('crash');
    };
    await expect(run({ outputDir: killed }, { onCheckpoint: crash })).rejects.toThrow('crash');
    await run({ outputDir: killed, resume: true });
    expect(noted(killed)).toEqual([2, 4, 6]);
  });

  it('before its first step starts from the beginning', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const abort = new AbortController();
    const summary = await run({ outputDir }, { signal: abort.signal, onPlan: () => abort.abort() });
    expect(summary).toMatchObject({ interrupted: true, steps: 0, checkpoint: undefined });
    const notices: string[] = [];
    await run({ outputDir, resume: true }, { onNotice: (text) => void notices.push(text) });
    expect(notices.join()).toContain('starts from the beginning');
    expect(rows(outputDir)).toHaveLength(7);
  });
});

describe('a run that is over', () => {
  const contents = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((file) => [file, readFileSync(file, 'utf8')]);

  it('stays as it is when it is resumed, and says that nothing was left', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const first = await run({ outputDir });
    const before = contents(outputDir);
    const notices: string[] = [];
    const again = await run({ outputDir, resume: true }, { onNotice: (text) => void notices.push(text) });
    expect(contents(outputDir)).toEqual(before);
    expect(again).toEqual(first);
    expect(notices).toEqual([expect.stringContaining('taken all of its 6 steps')]);
  });

  it('is completed where its end was not written', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir });
    const before = summaryOf(outputDir);
    rmSync(join(outputDir, 'final'), { recursive: true });
    await run({ outputDir, resume: true });
    expect(existsSync(join(outputDir, 'final', 'weights.json'))).toBe(true);
    expect(summaryOf(outputDir)).toEqual(before);
  });

  it('refuses to end before where it is, and touches nothing', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir, saveTotalLimit: 0 });
    const before = contents(outputDir);
    const fewer = { outputDir, maxSteps: 3, saveTotalLimit: 0 };
    await expect(run({ ...fewer, resume: true })).rejects.toMatchObject({ code: 'RESUME_STEPS', value: 3 });
    expect(contents(outputDir)).toEqual(before);
    // An earlier checkpoint may end there, and nothing is lost by it.
    expect(await run({ ...fewer, resume: 'checkpoint-2' })).toMatchObject({ steps: 3, interrupted: false });
    expect(readdirSync(join(outputDir, 'checkpoints')).sort()).toEqual([
      'checkpoint-2',
      'checkpoint-3',
      'replaced-checkpoint-4',
      'replaced-checkpoint-6',
    ]);
  });

  it('goes on with more steps, and is not over meanwhile', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir });
    const crash = () => {
      throw new Error('crash');
    };
    const more = { outputDir, maxSteps: 8, resume: true };
    await expect(run(more, { onStep: crash })).rejects.toThrow('crash');
    expect(existsSync(join(outputDir, 'summary.json'))).toBe(false);
    expect(existsSync(join(outputDir, 'final', 'weights.json'))).toBe(true);
    expect(await run(more)).toMatchObject({ steps: 8, interrupted: false });
  });

  it.each<[string, TrainInput, string[]]>([
    ['more steps', { maxSteps: 12 }, ['5e-2 at step 6 and 1.5e-1 at step 7', 'over 12 steps, which were 6']],
    [
      'another rate',
      { maxSteps: 12, learningRate: 0.1, lrSchedulerType: 'constant' },
      ['and 1e-1 at step 7'],
    ],
    ['the advice that it gives', { maxSteps: 12, learningRate: 0.05, lrSchedulerType: 'constant' }, []],
  ])('tells how the learning rate jumps: %s', async (_what, changed, parts) => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir });
    const notices: string[] = [];
    const rates: number[] = [];
    await run(
      { ...changed, outputDir, resume: true },
      {
        onNotice: (text) => void notices.push(text),
        onStep: ({ learning_rate: rate }) => void rates.push(rate!),
      },
    );
    const told = notices.filter((text) => text.startsWith('the learning rate is'));
    expect(told).toHaveLength(parts.length > 0 ? 1 : 0);
    for (const part of parts) expect(told[0]).toContain(part);
    if (parts.length > 0) expect(told[0]).toContain(`${rates[0]!.toExponential()} at step 7`);
  });
});

describe('what can go wrong', () => {
  it('is refused before anything is written', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const empty = { ...digits, problems: () => [] };
    expect(await codeOf(run({ outputDir, batchSize: 10 }))).toBe('BATCH_SIZE');
    expect(await codeOf(run({ outputDir, batchSize: 4000 }))).toBe('TOO_MANY_PROMPTS');
    expect(await codeOf(run({ outputDir }, { task: empty }))).toBe('DATASET_EMPTY');
    expect(await codeOf(run({ outputDir, resume: true }))).toBe('RESUME_NOTHING');
    expect(await codeOf(run({ outputDir, maxCompletionLength: 32768 }))).toBe('PROMPT_TOO_LONG');
    expect(await codeOf(run({ outputDir, learningRate: -1 }))).toBe('BAD_OPTION');
    expect(existsSync(outputDir)).toBe(false);
  });

  it('leaves its options behind before anything that makes the folder a run', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const model = await fakeModel();
    // In place of a kill: the third of the logs can't be opened.
    model.freezeReference = () => {
      mkdirSync(join(outputDir, 'completions.jsonl'));
      return Promise.resolve();
    };
    expect(await codeOf(run({ outputDir }, { model }))).toBe('WRITE_FAILED');
    expect(readdirSync(outputDir)).toEqual(expect.arrayContaining(['config.yaml', 'metrics.csv']));
  });

  it('clears nothing away in a folder that another process has taken since it looked', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const unfinished = join(outputDir, '.final.tmp');
    mkdirSync(unfinished, { recursive: true });
    expect(acquire(join(outputDir, 'run.lock')).held).toBe(true);
    expect(await codeOf(run({ outputDir }))).toBe('RUN_LOCKED');
    expect(existsSync(unfinished)).toBe(true);
  });

  it('leaves a run alone that the folder holds', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir });
    const before = readFileSync(join(outputDir, 'metrics.csv'), 'utf8');
    expect(await codeOf(run({ outputDir }))).toBe('OUTPUT_DIR_HOLDS_RUN');
    expect(readFileSync(join(outputDir, 'metrics.csv'), 'utf8')).toBe(before);
  });

  it.each<[string, RewardFunction, string]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      'REWARD_FAILED',
    ],
    ['gives NaN', (completions) => completions.map(() => NaN), 'REWARD_NOT_FINITE'],
    ['gives too few values', () => [1], 'REWARD_COUNT'],
  ])('in a reward that %s loses no step', async (_what, bad, code) => {
    const outputDir = join(temporaryFolder(), 'run');
    let calls = 0;
    const reward: RewardFunction = (completions) =>
      ++calls > 3 ? bad(completions) : digits.reward(completions);
    expect(await codeOf(run({ outputDir, evalSamples: 0, saveSteps: 0 }, { reward }))).toBe(code);
    expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['checkpoint-3']);
    await run({ outputDir, evalSamples: 0, saveSteps: 0, resume: true });
    expect(rows(outputDir)).toHaveLength(7);
  });

  it('on a full disk keeps what was saved', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const model = await fakeModel();
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const save = model.saveOptimizer.bind(model);
    model.saveOptimizer = (file) => (file.includes('checkpoint-4') ? Promise.reject(full) : save(file));
    expect(await codeOf(run({ outputDir }, { model }))).toBe('DISK_FULL');
    expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['checkpoint-2']);
    await run({ outputDir, resume: true });
  });
});

describe('a run folder that is removed', () => {
  it('ends the run, and its weights are put where it was', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const remove = ({ step }: Metrics) => {
      if (step === 3) rmSync(outputDir, { recursive: true });
    };
    await expect(run({ outputDir, saveSteps: 0 }, { onStep: remove })).rejects.toMatchObject({
      code: 'RUN_FOLDER_GONE',
      fix: expect.stringContaining(join(outputDir, 'rescued')) as string,
    });
    expect(readdirSync(outputDir)).toEqual(['rescued']);
    expect(existsSync(join(outputDir, 'rescued', 'weights.json'))).toBe(true);
  });
});

describe('a supervised warm start', () => {
  const input = {
    batchSize: 8,
    maxSteps: 30,
    learningRate: 0.3,
    maxCompletionLength: 3,
    evalSteps: 5,
    evalSamples: 4,
  };

  it('teaches the answers, and may end early', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const losses: number[] = [];
    const summary = await sft(
      { ...input, outputDir, targetAccuracy: 0.9 },
      { task: digits, model: await fakeModel(), onStep: ({ loss }) => void losses.push(loss!) },
    );
    expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!);
    expect(summary.after!.accuracy).toBeGreaterThanOrEqual(0.9);
    expect(summary.steps % 5).toBe(0);
    expect(existsSync(join(outputDir, 'final', 'weights.json'))).toBe(true);
    expect(rows(outputDir)).toHaveLength(summary.steps + 1);
  });

  it('goes on where it was interrupted', async () => {
    const parent = temporaryFolder();
    const abort = new AbortController();
    const whole = { ...input, maxSteps: 8, outputDir: join(parent, 'whole') };
    const parted = { ...whole, outputDir: join(parent, 'parted') };
    await sft(whole, { task: digits, model: await fakeModel() });
    await sft(parted, {
      task: digits,
      model: await fakeModel(),
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === 3) abort.abort();
      },
    });
    await sft({ ...parted, resume: true }, { task: digits, model: await fakeModel() });
    expect(rows(parted.outputDir)).toEqual(rows(whole.outputDir));
    expect(summaryOf(parted.outputDir)).toEqual(summaryOf(whole.outputDir));
    const fewer = { ...parted, maxSteps: 3, resume: true };
    expect(await codeOf(sft(fewer, { task: digits, model: await fakeModel() }))).toBe('RESUME_STEPS');
  });
});
