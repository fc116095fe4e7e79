import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fork, type ForkPoint } from '../../../src/experiments/fork.js';
import type { TrainExtras } from '../../../src/run/extras.js';
import { sft } from '../../../src/run/sft.js';
import type { TrainInput } from '../../../src/run/train-options.js';
import { fakeModel } from '../../support/fake-model.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { digits, lines, rows, run, summaryOf } from '../../support/trainer.js';

/** A run of six steps with a checkpoint at each second one. */
async function base(input: TrainInput = {}): Promise<string> {
  const outputDir = join(temporaryFolder(), 'base');
  await run({ outputDir, saveTotalLimit: 0, ...input });
  return outputDir;
}

const forked = async (from: ForkPoint, input: TrainInput = {}, extras: TrainExtras = {}) =>
  fork(from, input, { task: digits, model: await fakeModel(), ...extras });

const finalWeights = (folder: string) => readFileSync(join(folder, 'final', 'weights.json'), 'utf8');
const envOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'env.json'), 'utf8')) as Record<string, unknown>;

/** Every file of a folder with its bytes. */
const contentOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [file, readFileSync(file, 'base64')]);

const crash = () => {
  throw new Error('crash');
};

describe('a fork', () => {
  it.each<[string, TrainInput]>([
    ['with a reference', {}],
    ['without a reference', { beta: 0 }],
    ['between two uses of the same completions', { numIterations: 2, saveSteps: 3 }],
    ['with a reference that follows', { syncRefModel: true, refModelSyncSteps: 1, saveSteps: 3 }],
    ['with accumulated parts and warm-up', { gradientAccumulationSteps: 2, warmupSteps: 3 }],
  ])('with the same options gives what the run itself gave: %s', async (_what, input) => {
    const parent = await base(input);
    const untouched = contentOf(parent);
    const step = input.saveSteps ?? 2;
    const outputDir = join(temporaryFolder(), 'fork');
    const summary = await forked({ run: parent, at: `checkpoint-${step}` }, { outputDir });
    expect(summary).toMatchObject({ steps: 6, interrupted: false });
    expect(rows(outputDir)).toEqual(rows(parent));
    expect(finalWeights(outputDir)).toBe(finalWeights(parent));
    expect(summaryOf(outputDir)).toEqual(summaryOf(parent));
    expect(lines(outputDir, 'completions.jsonl')).toEqual(
      lines(parent, 'completions.jsonl').filter((line) => Number(line.step) > step),
    );
    expect(contentOf(parent)).toEqual(untouched);
  });

  it('with other options leaves the run at the checkpoint, and says where it comes from', async () => {
    const parent = await base();
    const notices: string[] = [];
    const { outputDir } = await forked(
      { run: parent, at: 'checkpoint-4' },
      { beta: 0 },
      { onNotice: (text) => void notices.push(text) },
    );
    expect(outputDir).toBe(`${parent}-fork-4`);
    expect(rows(outputDir!).slice(0, 5)).toEqual(rows(parent).slice(0, 5));
    expect(rows(outputDir!)[5]).not.toEqual(rows(parent)[5]);
    expect(envOf(outputDir!)).toMatchObject({
      forked_from: {
        run: parent,
        checkpoint: 'checkpoint-4',
        step: 4,
        changed: [{ option: 'beta', now: 0 }],
      },
    });
    expect(notices.join()).toContain(`forked from ${parent} after step 4; beta 0.04 is now 0`);
  });

  it('is named by run_name, and begins at the newest checkpoint where none is named', async () => {
    const parent = await base();
    const summary = await forked({ run: parent }, { runName: 'longer run', maxSteps: 8 });
    expect(summary.outputDir).toBe(join(parent, '..', 'longer-run'));
    expect(envOf(summary.outputDir!)).toMatchObject({ forked_from: { step: 6 } });
    expect(rows(summary.outputDir!)).toHaveLength(9);
  });

  it('goes on after an interruption, though the run that it left is gone', async () => {
    const parent = await base();
    const folder = temporaryFolder();
    const [whole, parted] = [join(folder, 'whole'), join(folder, 'parted')];
    const at = { run: parent, at: 'checkpoint-2' };
    await forked(at, { beta: 0, outputDir: whole });
    const abort = new AbortController();
    await forked(
      at,
      { beta: 0, outputDir: parted },
      {
        signal: abort.signal,
        onStep: ({ step }) => {
          if (step === 3) abort.abort();
        },
      },
    );
    rmSync(parent, { recursive: true });
    const options = { beta: 0, forkFrom: join(parent, 'checkpoints', 'checkpoint-2'), saveTotalLimit: 0 };
    await run({ ...options, outputDir: parted, resume: true });
    expect(rows(parted)).toEqual(rows(whole));
    expect(finalWeights(parted)).toBe(finalWeights(whole));
    expect(summaryOf(parted)).toEqual(summaryOf(whole));
    expect(envOf(parted)).toMatchObject({
      forked_from: { step: 2 },
      resumed: [{ from_step: 3, changed: [] }],
    });
  });

  it('that crashed before its first checkpoint begins again where it was forked', async () => {
    const parent = await base();
    const folder = temporaryFolder();
    const [whole, crashed] = [join(folder, 'whole'), join(folder, 'crashed')];
    const at = { run: parent, at: 'checkpoint-2' };
    await forked(at, { outputDir: whole });
    await expect(forked(at, { outputDir: crashed }, { onStep: crash })).rejects.toThrow('crash');
    const forkFrom = join(parent, 'checkpoints', 'checkpoint-2');
    await run({ forkFrom, outputDir: crashed, saveTotalLimit: 0, resume: true });
    expect(rows(crashed)).toEqual(rows(whole));
    expect(finalWeights(crashed)).toBe(finalWeights(whole));
    expect(lines(crashed, 'completions.jsonl')).toEqual(lines(whole, 'completions.jsonl'));
  });

  it('of a fork has the rows of both', async () => {
    const parent = await base();
    const first = await forked({ run: parent, at: 'checkpoint-2' }, { learningRate: 0.1 });
    const second = await forked({ run: first.outputDir!, at: 'checkpoint-4' });
    expect(rows(second.outputDir!)).toEqual(rows(first.outputDir!));
    expect(rows(second.outputDir!).slice(0, 3)).toEqual(rows(parent).slice(0, 3));
  });

  it('keeps the reference of the checkpoint where it follows the policy no longer', async () => {
    const parent = await base({ syncRefModel: true, refModelSyncSteps: 2, refModelMixupAlpha: 0.5 });
    const at = { run: parent, at: 'checkpoint-2' };
    const whole = await forked(at, { syncRefModel: false });
    const reference = (folder: string, step: number) =>
      readFileSync(join(folder, 'checkpoints', `checkpoint-${step}`, 'reference.safetensors'), 'utf8');
    expect(reference(whole.outputDir!, 6)).toBe(reference(parent, 2));
    expect(reference(parent, 6)).not.toBe(reference(parent, 2));
    // Its own checkpoints keep it too.
    const parted = await forked({ run: whole.outputDir!, at: 'checkpoint-4' });
    expect(rows(parted.outputDir!)).toEqual(rows(whole.outputDir!));
  });
});

describe('what is wrong with a fork', () => {
  it('is told before anything is written', async () => {
    const parent = await base();
    const outputDir = join(temporaryFolder(), 'fork');
    const fails = (at: ForkPoint, input: TrainInput = {}) => codeOf(forked(at, { outputDir, ...input }));
    const at = { run: parent, at: 'checkpoint-4' };
    expect(await fails(at, { seed: 7 })).toBe('FORK_CHANGED');
    expect(await fails(at, { model: 'other' })).toBe('FORK_CHANGED');
    expect(await fails(at, { maxSteps: 4 })).toBe('FORK_STEPS');
    expect(await fails({ run: parent })).toBe('FORK_STEPS');
    expect(await fails({ run: parent, at: 'checkpoint-5' })).toBe('RESUME_CHECKPOINT');
    expect(await fails({ run: join(parent, 'nowhere') })).toBe('RUN_NOT_FOUND');
    expect(await fails(at, { preset: 'mixed' })).toBe('USAGE');
    expect(await fails(at, { resume: true })).toBe('USAGE');
    expect(await fails(at, { forkFrom: 'runs/a' })).toBe('USAGE');
    expect(await codeOf(run({ forkFrom: parent, outputDir }))).toBe('FORK_FROM');
    expect(existsSync(outputDir)).toBe(false);
    expect(await fails(at, { outputDir: parent })).toBe('OUTPUT_DIR_HOLDS_RUN');
    rmSync(join(parent, 'checkpoints'), { recursive: true });
    expect(await fails({ run: parent })).toBe('FORK_FROM');
  });

  it('is that the run is of another kind, or its checkpoint not whole', async () => {
    const supervised = join(temporaryFolder(), 'sft');
    const few = { maxSteps: 2, batchSize: 4, evalSamples: 0, outputDir: supervised };
    await sft(few, { task: digits, model: await fakeModel() });
    expect(await codeOf(forked({ run: supervised }))).toBe('RUN_KIND');
    const parent = await base();
    rmSync(join(parent, 'checkpoints', 'checkpoint-4', 'trainer_state.json'));
    expect(await codeOf(forked({ run: parent, at: 'checkpoint-4' }))).toBe('RESUME_CHECKPOINT');
  });
});
