/** `fork` and `replay`, on the embedded model. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRun } from '../../src/run/folder/read.js';
import { cli, jsonLines } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { endOf, place, type Flags } from '../support/small-run.js';

const options: Flags = { model: 'tiny', 'save-total-limit': 0, beta: 0.04 };

/** A run of six steps with a checkpoint at each second one. */
async function base(more: Flags = {}) {
  const { train, run } = place();
  const trained = await train('base', { ...options, ...more });
  expect(trained.code, trained.stderr).toBe(0);
  return run('base');
}

const failsWith = async (args: string[], code: string) => {
  const { code: status, stderr } = await cli(args);
  expect(stderr).toMatch(new RegExp(`^error ${code}: .*\\nfix: `));
  expect(status).toBeGreaterThan(0);
};

interface Judged {
  step: number;
  prompt: string;
  count: number;
  weight: number;
  reward: number;
  correct: boolean;
  length: number;
}

describe('fork', () => {
  it('gives bit for bit what the run itself gave, unless an option is another', async () => {
    const folder = await base();
    const before = endOf(folder);
    const same = await cli(['fork', folder, '--at', 'checkpoint-2', '--run-name', 'same']);
    expect(same.code, same.stderr).toBe(0);
    expect(same.stdout).toContain('after step 2');
    const own = (text: string) => text.split('\n').filter((line) => !/^\{"step":[12],/.test(line));
    const fork = endOf(join(folder, '..', 'same'));
    expect(fork.weights).toBe(before.weights);
    expect(fork.rows).toEqual(before.rows);
    expect(own(fork.completions)).toEqual(own(before.completions));

    const other = await cli(['fork', folder, '--at', 'checkpoint-2', '--beta', '0', '--json']);
    expect(other.code, other.stderr).toBe(0);
    const branch = endOf(`${folder}-fork-2`);
    expect(branch.rows.slice(0, 3)).toEqual(before.rows.slice(0, 3));
    expect(branch.weights).not.toBe(before.weights);
    expect(endOf(folder)).toEqual(before);

    const table = await cli(['compare', folder, `${folder}-fork-2`]);
    expect(table.stdout).toMatch(/base-fork-2 .*base at 2/);
    const { runs } = JSON.parse((await cli(['compare', folder, `${folder}-fork-2`, '--json'])).stdout) as {
      runs: unknown[];
    };
    expect(runs).toMatchObject([{ forked_from: null }, { forked_from: folder, forked_at: 2, steps: 6 }]);
  });

  it.each<[string, Flags]>([
    ['most_probable', { 'sampling-coverage': 0.9 }],
    ['without_replacement', { 'sampling-temperature': 1.1 }],
  ])('gives the same with %s, in the middle of a generation too', async (method, more) => {
    const folder = await base({
      ...more,
      estimator: 'exact',
      'sampling-method': method,
      'steps-per-generation': 2,
      'save-steps': 3,
    });
    const before = endOf(folder);
    const fork = await cli(['fork', folder, '--at', 'checkpoint-3', '--run-name', 'same']);
    expect(fork.code, fork.stderr).toBe(0);
    const after = endOf(join(folder, '..', 'same'));
    expect(after.weights).toBe(before.weights);
    expect(after.rows).toEqual(before.rows);
    // The completions are distinct, and means are the policy's, not those of the set.
    const [step] = (await readRun(folder)).steps;
    const sampled = (jsonLines(before.completions) as unknown as Judged[]).filter((one) => one.step === 1);
    // The step learns from the first half of what was sampled.
    const prompts = [...new Set(sampled.map(({ prompt }) => prompt))].slice(0, 4);
    const first = sampled.filter(({ prompt }) => prompts.includes(prompt));
    expect(new Set(first.map(({ weight }) => weight)).size).toBeGreaterThan(4);
    if (method === 'without_replacement') expect(first.every(({ count }) => count === 1)).toBe(true);
    const mean = (of: (one: Judged) => number) =>
      first.reduce((sum, one) => sum + one.count * one.weight * of(one), 0) /
      first.reduce((sum, one) => sum + one.count * one.weight, 0);
    expect(step!.reward).toBeCloseTo(
      mean(({ reward }) => reward),
      3,
    );
    expect(step!.accuracy).toBeCloseTo(
      mean(({ correct }) => Number(correct)),
      3,
    );
    expect(step!['completions/mean_length']).toBeCloseTo(
      mean(({ length }) => length),
      3,
    );
  });

  it('refuses what can be no fork', async () => {
    const folder = await base();
    const at = ['--at', 'checkpoint-4'];
    await failsWith(['fork'], 'USAGE');
    await failsWith(['fork', folder, 'more'], 'USAGE');
    await failsWith(['fork', temporaryFolder()], 'RUN_NOT_FOUND');
    await failsWith(['fork', folder, '--at', '4'], 'BAD_OPTION');
    await failsWith(['fork', folder, '--at', 'checkpoint-5'], 'RESUME_CHECKPOINT');
    await failsWith(['fork', folder, ...at, '--seed', '1'], 'FORK_CHANGED');
    await failsWith(['fork', folder, ...at, '--num-generations', '8'], 'FORK_CHANGED');
    await failsWith(['fork', folder, ...at, '--bata', '0'], 'UNKNOWN_OPTION');
    await failsWith(['fork', folder, ...at, '--resume'], 'USAGE');
    await failsWith(['fork', folder], 'FORK_STEPS');
    await failsWith(['train', '--fork-from', folder], 'FORK_FROM');
  });
});

describe('replay', () => {
  it.each<[string, Flags]>([
    ['counts', {}],
    ['exact', { estimator: 'exact', 'sampling-temperature': 1.2 }],
    ['rao_blackwell', { estimator: 'rao_blackwell' }],
    ['exact, most probable', { estimator: 'exact', 'sampling-method': 'most_probable' }],
    ['exact, without replacement', { estimator: 'exact', 'sampling-method': 'without_replacement' }],
  ])(
    'gives the loss and the gradient norm of a step at the weights that took it: %s',
    async (_estimator, more) => {
      const folder = await base(more);
      const { stdout, stderr, code } = await cli([
        ...['replay', folder, '--at', 'checkpoint-2', '--steps', '3', '--losses', 'grpo,dapo', '--json'],
        ...['--threads', '1'],
      ]);
      expect(code, stderr).toBe(0);
      const [replayed, ...others] = jsonLines(stdout) as {
        losses: Record<string, Record<string, unknown>>;
      }[];
      expect(others).toEqual([]);
      const taken = (await readRun(folder)).steps[2]!;
      expect(replayed!.losses.grpo!.loss).toBeCloseTo(taken.loss!, 6);
      expect(replayed!.losses.grpo!.grad_norm).toBeCloseTo(taken.grad_norm!, 4);
      expect(replayed!.losses.grpo!.cosine).toMatchObject({ grpo: expect.closeTo(1, 6) as number });
      expect(Object.keys(replayed!.losses)).toEqual(['grpo', 'dapo']);
    },
  );

  it('takes every recorded step, and what older runs have kept of them', async () => {
    const folder = await base();
    const file = join(folder, 'completions.jsonl');
    const replayed = async () => (await cli(['replay', folder, '--losses', 'grpo', '--csv'])).stdout;
    const whole = (await replayed()).trimEnd().split('\n');
    expect(whole.map((row) => row.split(',')[0])).toEqual(['step', '1', '2', '3', '4', '5', '6']);
    const records = jsonLines(readFileSync(file, 'utf8'));
    writeFileSync(
      file,
      records.map((record) => `${JSON.stringify({ ...record, ids: undefined })}\n`).join(''),
    );
    // The embedded model has a token for each character: its texts have the tokens that were drawn.
    expect((await replayed()).trimEnd().split('\n')).toEqual(whole);
    // Of one step of six the text is of other tokens.
    const one = records.map((record) => ({
      ...record,
      ids: undefined,
      ...(record.step === 2 && { completion: 'longer than '.repeat(9) }),
    }));
    writeFileSync(file, one.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const partly = await cli(['replay', folder, '--losses', 'grpo', '--csv']);
    expect(partly.stderr).toContain('left out: 16 completions');
    expect(partly.stdout.trimEnd().split('\n')).toEqual(whole.filter((row) => !row.startsWith('2,')));
    const lost = records.map((record) => ({
      ...record,
      ids: undefined,
      completion: 'longer than '.repeat(9),
    }));
    writeFileSync(file, lost.map((record) => `${JSON.stringify(record)}\n`).join(''));
    await failsWith(['replay', folder], 'REPLAY_STEPS');
  });

  it('refuses what it can not replay', async () => {
    const folder = await base();
    await failsWith(['replay'], 'USAGE');
    await failsWith(['replay', folder, folder], 'USAGE');
    await failsWith(['replay', temporaryFolder()], 'RUN_NOT_FOUND');
    await failsWith(['replay', folder, '--losses', 'grpo,none'], 'BAD_OPTION');
    await failsWith(['replay', folder, '--steps', '3,7'], 'REPLAY_STEPS');
    await failsWith(['replay', folder, '--steps', 'x'], 'BAD_OPTION');
    await failsWith(['replay', folder, '--at', 'checkpoint-3'], 'RESUME_CHECKPOINT');
    await failsWith(['replay', folder, '--max-memory', '0.05'], 'MEMORY');
  });
});
