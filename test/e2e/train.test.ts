import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, jsonLines, type CliOptions } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { metricRows } from '../support/runs.js';

const small = {
  model: fixtureModel('qwen2-tied'),
  'batch-size': 16,
  'num-generations': 4,
  'max-steps': 6,
  'learning-rate': 1e-3,
  'eval-samples': 8,
  'eval-steps': 3,
  'save-steps': 2,
  threads: 1,
};
type Flags = Record<string, string | number | true>;
const flags = (given: Flags) =>
  Object.entries(given).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );

/** Any letter is right: something that a model of random weights does now and then. */
const TASK = `export default {
  name: 'letters',
  problems: () => Array.from({ length: 40 }, (_, i) => ({ prompt: 'Say ' + i + ': ', answer: 'a' })),
  reward: async (completions: { completion: string }[]) =>
    completions.map(({ completion }) => (/^[a-z]/.test(completion) ? 1 : -1)),
};`;

function place() {
  const parent = temporaryFolder();
  const task = join(parent, 'task.ts');
  writeFileSync(task, TASK);
  return {
    run: (name: string) => join(parent, name),
    train: (name: string, more: Flags = {}, options: CliOptions = {}) =>
      cli(['train', ...flags({ ...small, task, 'output-dir': join(parent, name), ...more })], options),
  };
}

describe('train', () => {
  it('begins with what will happen, goes on with steps, ends with what came out', async () => {
    const { run, train } = place();
    const { code, stdout, stderr } = await train('a');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const part of [
      'qwen2, 136,000 parameters',
      'letters: ',
      'float32, matrices by',
      '6 of 4 prompts x 4 completions',
      'memory',
      'held-out at step 0',
      'step 6/6',
      'completions at step 1',
      'Done: 6 steps',
      'held-out accuracy',
      'training reward',
      'gap',
      'What to try next',
      run('a'),
    ])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain('\x1b');
    for (const name of [
      'config.yaml',
      'env.json',
      'metrics.csv',
      'metrics.jsonl',
      'completions.jsonl',
      'summary.json',
      'checkpoints/checkpoint-6/optimizer.safetensors',
      'final/model.safetensors',
      'final/config.json',
      'final/tokenizer.json',
    ])
      expect(existsSync(join(run('a'), name)), name).toBe(true);
    expect(metricRows(run('a'))).toHaveLength(7);

    // The same options from the run's own file, and the same seed: the same run.
    const again = await cli(['train', join(run('a'), 'config.yaml'), '--output-dir', run('b')]);
    expect(again.code).toBe(0);
    expect(metricRows(run('b'))).toEqual(metricRows(run('a')));

    // Resumed when it is over, it stays as it is.
    const summary = readFileSync(join(run('a'), 'summary.json'), 'utf8');
    const over = await cli(['train', '--output-dir', run('a'), '--resume']);
    expect(over).toMatchObject({ code: 0, stderr: '' });
    expect(over.stdout).toContain('Nothing was left to do: all 6 steps were taken already');
    expect(readFileSync(join(run('a'), 'summary.json'), 'utf8')).toBe(summary);
    const fewer = await cli(['train', '--output-dir', run('a'), '--resume', '--max-steps', '3']);
    expect(fewer.code).toBe(2);
    expect(fewer.stderr).toContain('error RESUME_STEPS: the run has taken 6 steps, and is to end after 3');

    const refused = await train('a');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('error OUTPUT_DIR_HOLDS_RUN');
  });

  it('ends with 130 at Ctrl-C, and goes on as if nothing had been', async () => {
    const { run, train } = place();
    await train('whole');
    let interrupted = false;
    const first = await train(
      'parted',
      { json: true },
      {
        onLine: (line, child) => {
          if (interrupted || (JSON.parse(line) as { step?: number }).step !== 3) return;
          interrupted = true;
          child.kill('SIGINT');
        },
      },
    );
    expect(first.code).toBe(130);
    const events = jsonLines(first.stdout);
    expect(events[0]).toMatchObject({ event: 'plan', steps: 6, num_generations: 4 });
    expect(events.at(-1)).toMatchObject({ event: 'end', interrupted: true });
    expect(existsSync(join(run('parted'), 'final'))).toBe(false);

    const second = await cli(['train', '--output-dir', run('parted'), '--resume']);
    expect(second.stderr).toBe('');
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('resumed after step');
    expect(metricRows(run('parted'))).toEqual(metricRows(run('whole')));
    expect(
      readFileSync(join(run('parted'), 'final/model.safetensors')).equals(
        readFileSync(join(run('whole'), 'final/model.safetensors')),
      ),
    ).toBe(true);
  });

  it('waits for no reward after Ctrl-C, nor for what the reward waits for', async () => {
    const { run, train } = place();
    const slow = join(temporaryFolder(), 'slow.mjs');
    writeFileSync(
      slow,
      `let calls = 0;
      export default (all) => {
        if (++calls < 3) return all.map(() => 1);
        setTimeout(() => process.kill(process.pid, 'SIGINT'), 100);
        return new Promise((done) => setTimeout(done, 60_000));
      };`,
    );
    const result = await train('a', { reward: slow, 'no-probe': true, 'eval-samples': 0, 'save-steps': 0 });
    expect(result.code).toBe(130);
    expect(result.seconds).toBeLessThan(30);
    expect(existsSync(join(run('a'), 'checkpoints/checkpoint-2/trainer_state.json'))).toBe(true);
  });

  it('leaves at once at the second Ctrl-C', async () => {
    const { train } = place();
    const slow = join(temporaryFolder(), 'slow.mjs');
    writeFileSync(slow, 'export default () => new Promise((done) => setTimeout(done, 60_000));');
    const result = await train(
      'a',
      { reward: slow, 'eval-samples': 0, json: true },
      {
        onLine: (_line, child) => {
          setTimeout(() => child.kill('SIGINT'), 500);
          setTimeout(() => child.kill('SIGINT'), 1000);
        },
      },
    );
    expect(result.code).toBe(130);
    expect(result.seconds).toBeLessThan(30);
  });

  it('names a reward that fails, and keeps the steps before it', async () => {
    const { run, train } = place();
    const bad = join(temporaryFolder(), 'bad.mjs');
    writeFileSync(
      bad,
      'let calls = 0;\nexport default (all) => { if (++calls > 3) throw new Error("my fault"); return all.map((_, i) => i % 2); };',
    );
    const result = await train('a', { reward: bad, 'no-probe': true, 'eval-samples': 0, 'save-steps': 0 });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/error REWARD_FAILED: .*my fault/);
    expect(existsSync(join(run('a'), 'checkpoints/checkpoint-3/trainer_state.json'))).toBe(true);
  });

  it('writes into a folder that is there, if it holds no run', async () => {
    const { run, train } = place();
    mkdirSync(run('a'));
    writeFileSync(join(run('a'), 'notes.txt'), 'mine');
    expect((await train('a', { 'max-steps': 1, 'eval-samples': 0 })).code).toBe(0);
    expect(readFileSync(join(run('a'), 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('sft', () => {
  it('teaches answers', async () => {
    const folder = join(temporaryFolder(), 'run');
    const { code, stdout } = await cli([
      'sft',
      '--model',
      fixtureModel('qwen2-tied'),
      '--max-steps',
      '20',
      '--learning-rate',
      '3e-3',
      '--batch-size',
      '16',
      '--eval-samples',
      '20',
      '--output-dir',
      folder,
      '--json',
      '--threads',
      '1',
    ]);
    expect(code).toBe(0);
    const steps = jsonLines(stdout).filter(({ event }) => event === 'step');
    expect(steps).toHaveLength(20);
    expect(Number(steps.at(-1)!.loss)).toBeLessThan(Number(steps[0]!.loss));
    expect(existsSync(join(folder, 'final/model.safetensors'))).toBe(true);
  });
});
