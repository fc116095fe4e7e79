/** Several processes that Open MPI and MPICH start train the model that one process trains, and end together. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, jsonLines } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { MPI_FOLDERS, mpirun, MPIS } from '../support/mpi.js';
import { maxDifference } from '../support/numbers.js';
import { readTensorFile } from '../support/safetensors.js';

/** Relative, of losses and gradient norms: gradients are added up in another order. */
const TOLERANCE = 1e-5;
/** Absolute, of weights after three steps: AdamW's first ones follow the sign of gradients that are all rounding. */
const WEIGHT_TOLERANCE = 1e-4;
/** Seconds in which all have ended. */
const SOON = 10;

const input = (output: string, steps = 3, ...more: string[]) => [
  ...['train', '--model', 'tiny', '--threads', '1', '--max-steps', String(steps), '--save-steps', '1'],
  ...['--eval-samples', '20', '--no-probe', '--json', '--output-dir', output, ...more],
];
const completions = (run: string) =>
  jsonLines(readFileSync(join(run, 'completions.jsonl'), 'utf8')).map(({ completion }) => completion);
const weights = (run: string) => readTensorFile(join(run, 'final', 'model.safetensors')).tensors;

function expectSameMetrics(one: string, other: string): void {
  const [before, after] = [one, other].map((run) =>
    jsonLines(readFileSync(join(run, 'metrics.jsonl'), 'utf8')).filter((row) => 'loss' in row),
  ) as [Record<string, number>[], Record<string, number>[]];
  expect(after).toHaveLength(before.length);
  before.forEach((row, i) => {
    for (const name of ['loss', 'grad_norm', 'kl', 'entropy', 'reward'])
      expect(Math.abs(after[i]![name]! - row[name]!), name).toBeLessThanOrEqual(
        TOLERANCE * Math.max(1, Math.abs(row[name]!)),
      );
  });
}

function expectSameWeights(one: string, other: string): void {
  const [before, after] = [weights(one), weights(other)];
  for (const [name, { values }] of before)
    expect(maxDifference(values, after.get(name)!.values), name).toBeLessThan(WEIGHT_TOLERANCE);
}

describe('several processes', () => {
  it.each(MPIS)('train the model that one process trains, and tell it once: %s', async (mpi) => {
    const folder = temporaryFolder();
    const alone = join(folder, 'alone');
    expect((await cli(input(alone))).code).toBe(0);
    for (const ranks of mpi === 'openmpi' ? [2, 3] : [2]) {
      const run = join(folder, String(ranks));
      const { code, stdout, stderr } = await mpirun(mpi, ranks, input(run));
      expect(code, stderr).toBe(0);
      const steps = jsonLines(stdout).filter(({ event }) => event === 'step');
      expect(steps.map(({ step }) => step)).toEqual([1, 2, 3]);
      expect(completions(run)).toEqual(completions(alone));
      expectSameMetrics(alone, run);
      expectSameWeights(alone, run);
      const env = JSON.parse(readFileSync(join(run, 'env.json'), 'utf8')) as Record<string, unknown>;
      expect(env).toMatchObject({ ranks, mpi: expect.stringMatching(/MPI/) as string });
    }
  });

  it('give the same twice, to the last bit', async () => {
    const folder = temporaryFolder();
    const runs = ['first', 'second'].map((name) => join(folder, name));
    for (const run of runs) expect((await mpirun('openmpi', 2, input(run))).code).toBe(0);
    const [first, second] = runs.map((run) => readFileSync(join(run, 'final', 'model.safetensors')));
    expect(second!.equals(first!)).toBe(true);
  });

  it('end where one of them dies, and go on from the last checkpoint', async () => {
    const folder = temporaryFolder();
    const run = join(folder, 'run');
    let killed = 0;
    const { code } = await mpirun('openmpi', 2, input(run, 12), (line, child) => {
      if (killed || (JSON.parse(line) as { step?: number }).step !== 2) return;
      // The last process that the launcher, or a helper of it, has started.
      const own = execFileSync('pgrep', ['-f', `output-dir ${run}`], { encoding: 'utf8' });
      const ranks = own.trim().split('\n').map(Number);
      const rank = ranks.filter((pid) => pid !== child.pid).at(-1)!;
      killed = performance.now();
      process.kill(rank, 'SIGKILL');
    });
    expect(code).not.toBe(0);
    expect((performance.now() - killed) / 1000).toBeLessThan(SOON);
    const kept = readdirSync(join(run, 'checkpoints')).filter((name) => name.startsWith('checkpoint-'));
    expect(kept).not.toEqual([]);

    const resumed = await mpirun('openmpi', 3, input(run, 12, '--resume'));
    expect(resumed.code, resumed.stderr).toBe(0);
    const alone = join(folder, 'alone');
    expect((await cli(input(alone, 12))).code).toBe(0);
    expect(completions(run).slice(-512)).toEqual(completions(alone).slice(-512));
  });
});

describe('train --processes', () => {
  const env = { GRPO_NATIVE_MPI: MPI_FOLDERS.openmpi };

  it('starts them, and passes their status on', async () => {
    const run = join(temporaryFolder(), 'run');
    const { code, stdout, stderr } = await cli(input(run, 3, '--processes', '2'), { env });
    expect(code, stderr).toBe(0);
    expect(jsonLines(stdout).filter(({ event }) => event === 'end')).toHaveLength(1);
    const wrong = await cli(input(run, 3, '--processes', '2'), { env });
    expect(wrong.code).toBe(2);
    // Once, not once a process: what one of them knows, and what each finds by itself.
    expect(wrong.stderr.match(/error OUTPUT_DIR_HOLDS_RUN/g)).toHaveLength(1);
    const missing = await cli(input(`${run}-2`, 3, '--processes', '2', '--dataset-name', '/nowhere.jsonl'), {
      env,
    });
    expect(missing.code).toBe(2);
    expect(missing.stderr.match(/error /g)).toHaveLength(1);
  });

  it.each([
    ['1.5', {}, 'BAD_OPTION', 2],
    ['0', {}, 'BAD_OPTION', 2],
    ['2', { GRPO_NATIVE_MPI: '/nowhere' }, 'MPI_MISSING', 2],
    ['2', { OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '0' }, 'BAD_COMBINATION', 2],
  ])('%s %j: %s', async (processes, more, error, status) => {
    const { code, stderr } = await cli(input(temporaryFolder(), 3, '--processes', processes), {
      env: { ...env, ...more },
    });
    expect(stderr).toContain(`error ${error}: `);
    expect(code).toBe(status);
  });

  it('is not asked for, and MPI is missing', async () => {
    const started = { OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '0', GRPO_NATIVE_MPI: '/nowhere' };
    const { code, stderr } = await cli(input(temporaryFolder()), { env: started });
    expect(stderr).toMatch(/error MPI_MISSING: 2 processes were started together[^]*setup --mpi/);
    expect(code).toBe(2);
  });
});
