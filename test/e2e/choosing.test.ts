import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli, jsonLines } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

const few = [
  ...[
    '--model',
    'tiny',
    '--max-steps',
    '6',
    '--eval-steps',
    '1',
    '--eval-samples',
    '40',
    '--batch-size',
    '64',
  ],
  ...['--save-steps', '4', '--threads', '1', '--no-probe', '--early-stopping-patience', '1'],
  ...['--early-stopping-threshold', '0.9', '--load-best-model-at-end'],
];
const weights = (folder: string) =>
  createHash('sha256')
    .update(readFileSync(join(folder, 'model.safetensors')))
    .digest('hex');

it('ends a run early, and answers for its best weights', async () => {
  const output = join(temporaryFolder(), 'run');
  const { code, stdout, stderr } = await cli(['train', ...few, '--json', '--output-dir', output]);
  expect({ code, stderr: stderr.includes('error') }, stderr).toEqual({ code: 0, stderr: false });
  const events = jsonLines(stdout);
  const named = (name: string) => events.filter(({ event }) => event === name);
  // The first evaluation is the best so far; no second one can be better by more than 0.9.
  expect(named('validation').map(({ step }) => step)).toEqual([0, 1, 2]);
  expect(named('plan')[0]).toMatchObject({
    train_problems: 946,
    validation_problems: 40,
    held_out_problems: 40,
  });
  const summary = JSON.parse(readFileSync(join(output, 'summary.json'), 'utf8')) as {
    best: { step: number; held_out: { accuracy: number } };
    after: { accuracy: number };
  };
  expect(summary).toMatchObject({
    steps: 2,
    interrupted: false,
    early_end: { option: 'early_stopping_patience' },
    after: summary.best.held_out,
  });
  expect(named('step').map(({ step }) => step)).toEqual([1, 2]);
  const { step } = summary.best;
  expect(weights(join(output, 'best')) === weights(join(output, 'final'))).toBe(step === 2);
  expect(existsSync(join(output, 'best', 'tokenizer.json'))).toBe(true);
  expect(readFileSync(join(output, 'report.html'), 'utf8').length).toBeGreaterThan(1000);

  const judged = await cli(['eval', '--model', output, '--samples', '40', '--threads', '1', '--json']);
  expect(judged.stderr).toContain(join(output, 'best'));
  expect(JSON.parse(judged.stdout)).toMatchObject({ accuracy: summary.after.accuracy, total: 40 });

  const again = await cli(['train', '--output-dir', output, '--resume']);
  expect(again.code).toBe(0);
  expect(`${again.stdout}${again.stderr}`).toMatch(
    /ended after step 2, since validation accuracy was not better/,
  );
  const never = ['--model', 'tiny', '--eval-steps', '0', '--early-stopping-patience', '1'];
  const refused = await cli(['train', ...never, '--output-dir', `${output}-2`]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('early_stopping_patience needs evaluations between the steps');
  expect(existsSync(`${output}-2`)).toBe(false);
});
