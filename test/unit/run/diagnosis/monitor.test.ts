import { describe, expect, it } from 'vitest';
import { Diagnosis } from '../../../../src/run/diagnosis/monitor.js';
import type { Rule } from '../../../../src/run/diagnosis/rule.js';
import { evaluated, facts, steps } from '../../../support/history.js';

/** Says what a step's reward is: 1 a warning, 2 something bad. */
const echo: Rule = {
  name: 'echo',
  title: 'an echo',
  metric: 'reward',
  window: 5,
  check: ({ steps }) => {
    const { reward, step } = steps.at(-1)!;
    if (!reward) return undefined;
    return { level: reward === 2 ? 'bad' : 'warning', evidence: `at ${step}` };
  },
  remedies: ({ beta }) => [`not ${beta}`],
};

const events = (rewards: number[], rule = echo) => {
  const diagnosis = new Diagnosis(facts(), [rule]);
  const told = rewards.flatMap((reward, i) => diagnosis.add({ step: i + 1, reward }));
  return { told: told.map(({ step, event, level }) => [step, event, level]), diagnosis };
};

describe('the diagnosis', () => {
  it('tells when something begins, worsens, and has been over for a whole window', () => {
    const { told, diagnosis } = events([0, 0, 0, 0, 0, 1, 1, 2, 1, 0, 0, 0, 0, 0, 0]);
    expect(told).toEqual([
      [6, 'begins', 'warning'],
      [8, 'worsens', 'bad'],
      [14, 'ends', 'bad'],
    ]);
    expect(diagnosis.told).toEqual([
      {
        diagnosis: 'echo',
        title: 'an echo',
        metric: 'reward',
        level: 'bad',
        evidence: 'at 8',
        remedies: ['not 0.04'],
        began: 6,
        ended: 14,
      },
    ]);
  });

  it('asks nobody before a window is full', () => {
    expect(events([1, 1, 1, 1]).told).toEqual([]);
    expect(events([1, 1, 1, 1, 1]).told).toEqual([[5, 'begins', 'warning']]);
  });

  it('takes what swings around a threshold for one thing', () => {
    expect(events([0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1]).told).toEqual([[5, 'begins', 'warning']]);
  });

  it('tells of what comes again', () => {
    const { told, diagnosis } = events([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(told.map(([, event]) => event)).toEqual(['begins', 'ends', 'begins']);
    expect(diagnosis.told).toHaveLength(2);
  });

  it('is the same over rows that are looked at again', () => {
    const rows = [
      evaluated(0, 0.3),
      ...steps(1, 120, (step) => (step > 60 ? { kl: 2 + step / 60, entropy: 0.01 } : {})),
    ];
    const first = new Diagnosis(facts());
    const live = rows.flatMap((row) => first.add(row));
    const again = new Diagnosis(facts());
    expect(rows.flatMap((row) => again.add(JSON.parse(JSON.stringify(row)) as (typeof rows)[0]))).toEqual(
      live,
    );
    expect(live.map(({ diagnosis }) => diagnosis)).toEqual(
      expect.arrayContaining(['kl_runaway', 'entropy_collapse']),
    );
  });
});
