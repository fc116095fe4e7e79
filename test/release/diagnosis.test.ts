/** Longer runs of the embedded model that go wrong on purpose, and a healthy one, which raises nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, jsonLines } from '../support/cli.js';
import { trainAndDiagnose } from '../support/diagnosis.js';
import { temporaryFolder } from '../support/fixtures.js';

describe('the diagnosis of a real run', () => {
  it('is silent on the healthy baseline', async () => {
    // The default run, ended after a part of its steps: with fewer steps planned its schedule would be another.
    const folder = join(temporaryFolder(), 'run');
    const { code } = await cli(['train', '--eval-steps', '100', '--json', '--output-dir', folder], {
      onLine: (line, child) => {
        if ((JSON.parse(line) as { step?: number }).step === 250) child.kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    const rows = jsonLines(readFileSync(join(folder, 'metrics.jsonl'), 'utf8'));
    expect(rows.filter((row) => 'diagnosis' in row)).toEqual([]);
    expect(rows.filter((row) => 'learning_rate' in row).length).toBeGreaterThanOrEqual(250);
    expect(rows.filter((row) => 'eval/accuracy' in row)).toHaveLength(3);
  });

  it('sees what no KL does with dr_grpo: certain, wrong, and learned by heart', async () => {
    const { worst, stdout, folder } = await trainAndDiagnose(
      '--preset',
      'arithmetic-no-kl',
      '--eval-steps',
      '100',
    );
    expect(worst).toMatchObject({
      groups_without_spread: 'bad',
      entropy_collapse: 'warning',
      memorising: 'bad',
      held_out_falling: 'bad',
    });
    expect(worst).not.toHaveProperty('kl_runaway');
    // Shown when it begins, and summed up at the end.
    expect(stdout).toMatch(/step \d+: warning: entropy collapsed: the entropy is .* nats a token while/);
    expect(stdout).toMatch(/What was noticed\n(.*\n)*? {2}- entropy collapsed \(warning\), /);
    expect(stdout).toMatch(/- learns by heart: at step .* Try: take more different problems/);
    const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as {
      diagnoses: { diagnosis: string }[];
    };
    expect(summary.diagnoses.map(({ diagnosis }) => diagnosis)).toContain('memorising');
  });

  it('sees what four generations at a low temperature do: groups without spread', async () => {
    const { worst } = await trainAndDiagnose(
      ...['--num-generations', '4', '--batch-size', '64', '--temperature', '0.2'],
      ...['--max-steps', '100', '--eval-samples', '0'],
    );
    expect(worst).toMatchObject({ groups_without_spread: 'bad', entropy_collapse: 'warning' });
    expect(worst).not.toHaveProperty('one_answer');
  });

  it('sees what too high a learning rate does: the weights are spoiled', async () => {
    const { worst, told } = await trainAndDiagnose(
      // Two hundred times the default: how the weights are spoiled then no longer depends on rounding.
      ...['--learning-rate', '0.1', '--max-steps', '80', '--eval-steps', '40'],
    );
    expect(worst).toMatchObject({
      kl_runaway: 'bad',
      one_answer: 'bad',
      reward_at_minimum: 'bad',
      gradient_zero: 'bad',
      groups_without_spread: 'bad',
      held_out_falling: 'bad',
    });
    // In time: long before the run is over.
    expect(told.find(({ diagnosis }) => diagnosis === 'kl_runaway')!.step).toBeLessThanOrEqual(20);
  });
});
