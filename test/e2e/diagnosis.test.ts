/** Runs of the embedded model that go wrong on purpose: each raises what is wrong. test/release has those of minutes. */
import { describe, expect, it } from 'vitest';
import { jsonLines } from '../support/cli.js';
import { trainAndDiagnose } from '../support/diagnosis.js';

describe('the diagnosis of a real run', () => {
  it('sees duplicated problems, and what comes of them', async () => {
    const { worst, told } = await trainAndDiagnose(
      ...['--train-samples', '320', '--unique-samples', '32', '--max-steps', '150', '--eval-steps', '50'],
    );
    expect(told[0]).toMatchObject({ step: 1, diagnosis: 'duplicate_prompts', level: 'bad' });
    expect(worst).toMatchObject({ memorising: 'bad', held_out_falling: 'bad' });
    expect(worst).not.toHaveProperty('groups_without_spread');
  });

  it('sees completions that are cut off', async () => {
    const { worst } = await trainAndDiagnose(
      ...['--max-completion-length', '1', '--max-steps', '40', '--eval-samples', '0'],
    );
    expect(worst).toMatchObject({ completions_cut_off: 'bad' });
  });

  it('is told by --json, as it begins and ends', async () => {
    const { stdout } = await trainAndDiagnose(
      ...['--learning-rate', '0.05', '--max-steps', '25', '--eval-samples', '0', '--json', '--quiet'],
    );
    const events = jsonLines(stdout).filter(({ event }) => event === 'diagnosis');
    expect(events.length).toBeGreaterThan(0);
    expect(events[0]).toMatchObject({ change: 'begins' });
    expect(events[0]).toHaveProperty('evidence');
  });
});
