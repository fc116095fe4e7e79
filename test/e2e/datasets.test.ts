/** Runs on data of a person's own. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { Evaluation } from '../../src/run/evaluate.js';
import { cli, jsonLines } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';

const linesOf = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const NUMBERS = Array.from({ length: 200 }, (_, n) => ({
  id: n,
  number: n,
  label: n % 2 === 0 ? 'yes' : 'no',
}));

const small = [
  '--model',
  fixtureModel('qwen2-tied'),
  ...'--batch-size 8 --num-generations 4 --save-steps 2 --eval-samples 4'.split(' '),
  ...'--max-completion-length 4 --no-probe --threads 1 --quiet'.split(' '),
];

describe('a dataset', () => {
  it('is learned from', async () => {
    const folder = temporaryFolder();
    // The embedded model answers with numbers; that these two are labels is in the rows alone.
    const rows = Array.from({ length: 200 }, (_, n) => ({
      a: n % 14,
      b: n % 15,
      label: n % 14 > n % 15 ? 2 : 1,
    }));
    writeFileSync(join(folder, 'greater.jsonl'), linesOf(rows));
    const { code, stdout, stderr } = await cli(
      [
        'train',
        ...['--dataset-name', 'greater.jsonl', '--prompt-template', 'Calculate: {a} + {b} = '],
        ...'--max-steps 30 --batch-size 128 --num-generations 16 --eval-steps 0 --no-probe --json'.split(' '),
        ...'--max-completion-length 4 --threads 1 --output-dir run'.split(' '),
      ],
      { cwd: folder },
    );
    expect(stderr).toContain(
      'greater: 200 rows of greater.jsonl, one in five of them held out; answer: column label',
    );
    expect(code).toBe(0);
    const events = jsonLines(stdout);
    expect(events.find(({ event }) => event === 'plan')).toMatchObject({ task: 'greater' });
    const rewards = events.filter(({ event }) => event === 'step').map(({ reward }) => reward as number);
    const mean = (some: number[]) => some.reduce((sum, reward) => sum + reward, 0) / some.length;
    expect(mean(rewards.slice(-5))).toBeGreaterThan(mean(rewards.slice(0, 5)) + 0.2);
    const summary = events.find(({ event }) => event === 'end') as { before: Evaluation; after: Evaluation };
    expect(summary.after.accuracy).toBeGreaterThan(summary.before.accuracy);
  });

  it('is recorded, and a run goes on with the same alone', async () => {
    const folder = temporaryFolder();
    const data = join(folder, 'even.jsonl');
    writeFileSync(data, linesOf(NUMBERS));
    const train = (...more: string[]) =>
      cli(['train', ...small, '--output-dir', 'run', ...more], { cwd: folder });
    const first = ['--dataset-name', 'even.jsonl', '--prompt-column', 'number'];
    expect(await train(...first, '--max-steps', '2')).toMatchObject({ code: 0 });
    const config = parse(readFileSync(join(folder, 'run', 'config.yaml'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ task: null, dataset_name: 'even.jsonl', prompt_column: 'number' });
    const env = JSON.parse(readFileSync(join(folder, 'run', 'env.json'), 'utf8')) as Record<string, unknown>;
    expect(env.dataset).toMatchObject({ name: 'even.jsonl', files: [{ path: data, split: 'train' }] });

    // Other rows.
    writeFileSync(data, linesOf(NUMBERS.slice(1)));
    const changed = await train('--resume');
    expect(changed).toMatchObject({ code: 2, stdout: '' });
    expect(changed.stderr).toContain('error DATASET_CHANGED');
    expect(changed.stderr).toContain('start another run');
    expect((await cli(['fork', 'run', '--max-steps', '4', '--no-probe'], { cwd: folder })).stderr).toContain(
      'error DATASET_CHANGED',
    );
    // Another reading of the same rows.
    writeFileSync(data, linesOf(NUMBERS));
    expect((await train('--resume', '--prompt-column', 'id')).stderr).toContain('error RESUME_CHANGED');
    // The same rows elsewhere.
    renameSync(data, join(folder, 'moved.jsonl'));
    expect((await train('--resume')).stderr).toContain('error DATASET_NOT_FOUND');
    const resumed = await train('--resume', '--dataset-name', 'moved.jsonl', '--max-steps', '4');
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    const after = JSON.parse(readFileSync(join(folder, 'run', 'env.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(after.resumed).toMatchObject([{ from_step: 2, dataset: { name: 'moved.jsonl' } }]);
  });

  it('stands in a file of options, in place of the task of a preset', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a.csv'), 'question,answer\n1 + 1 = ,2\n');
    writeFileSync(
      join(folder, 'config.yaml'),
      'dataset_name: [a.csv]\nprompt_template: "Q: {question}\\nA:"\n',
    );
    const { stdout, stderr } = await cli(
      ['train', 'config.yaml', '--preset', 'mixed-curriculum', '--model', 'tiny', '--print-config'],
      { cwd: folder },
    );
    expect(stderr).toBe('');
    expect(parse(stdout)).toMatchObject({
      task: null,
      task_weights: null,
      curriculum: null,
      dataset_name: ['a.csv'],
      prompt_template: 'Q: {question}\nA:',
    });
    const both = await cli(['plan', 'config.yaml', '--task', 'counting'], { cwd: folder });
    expect(both.stderr).toContain(
      'error BAD_COMBINATION: task is "counting", and dataset_name gives the problems',
    );
  });

  it('is what sft, eval, plan and check-reward are about', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'even.jsonl'), linesOf(NUMBERS));
    const data = ['--dataset-name', 'even.jsonl', '--prompt-template', 'Is {number} even? '];
    const model = ['--model', fixtureModel('qwen2-tied'), '--threads', '1', '--max-completion-length', '4'];
    const notice = 'even: 200 rows of even.jsonl';

    const sft = await cli(['sft', ...model, ...data, '--max-steps', '2', '--eval-samples', '4', '--json'], {
      cwd: folder,
    });
    expect(sft).toMatchObject({ code: 0, stderr: expect.stringContaining(notice) as string });

    const evaluated = await cli(['eval', ...model, ...data, '--json'], { cwd: folder });
    expect(evaluated).toMatchObject({ code: 0, stderr: expect.stringContaining(notice) as string });
    expect(jsonLines(evaluated.stdout)[0]).toMatchObject({ task: 'even', split: 'held_out' });

    const planned = await cli(
      ['plan', ...model, ...data, '--batch-size', '16', '--num-generations', '4', '--json'],
      {
        cwd: folder,
      },
    );
    expect(planned.code).toBe(0);
    const [{ task, notices }] = jsonLines(planned.stdout) as [{ task: string; notices: string[] }];
    expect(task).toBe('even');
    expect(notices[0]).toContain(notice);

    const checked = await cli(['check-reward', ...data, '--json'], { cwd: folder });
    expect(checked).toMatchObject({ code: 0, stderr: expect.stringContaining(notice) as string });
    const [check] = jsonLines(checked.stdout) as [{ completions: { kind: string; correct: boolean }[] }];
    expect(check.completions.filter(({ kind }) => kind === 'right').every(({ correct }) => correct)).toBe(
      true,
    );
    expect(check.completions.filter(({ kind }) => kind === 'wrong').some(({ correct }) => correct)).toBe(
      false,
    );

    writeFileSync(
      join(folder, 'even.jsonl'),
      `${linesOf(NUMBERS.slice(0, 16))}{"number": 3, "label": null}\n`,
    );
    for (const command of ['train', 'sft', 'eval', 'plan'])
      expect((await cli([command, ...model, ...data], { cwd: folder })).stderr).toContain(
        'error DATASET_ROW: even.jsonl:17: has no answer (column label)',
      );
  });
});
