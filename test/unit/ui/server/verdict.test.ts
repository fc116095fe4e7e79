import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../../../src/ui/server/verdict.js';
import type { Diagnosed } from '../../../../src/run/diagnosis/events.js';

const at = (step: number, accuracy: number, half = 0.05) => ({
  step,
  accuracy,
  low: accuracy - half,
  high: accuracy + half,
  seconds: step,
});
const wrong: Diagnosed = {
  diagnosis: 'memorising',
  title: 'learns by heart',
  level: 'bad',
  evidence: 'training 91%, held out 20%',
  remedies: [],
  metric: 'eval/accuracy',
  began: 5,
};
const verdict = (evaluations: ReturnType<typeof at>[], diagnoses: Diagnosed[] = [], rewards: number[] = []) =>
  verdictOf({
    evaluations,
    diagnoses,
    steps: rewards.length,
    curves: { per: 1, steps: rewards.map((_, i) => i + 1), columns: { reward: rewards } },
  });

describe('the verdict', () => {
  it('is good where the intervals lie apart', () => {
    expect(verdict([at(0, 0.2), at(9, 0.5)])).toMatchObject({ kind: 'good', text: 'It learns' });
  });
  it('is unsure where they overlap', () => {
    expect(verdict([at(0, 0.2), at(9, 0.25)])).toMatchObject({ kind: 'unsure', text: 'It may learn' });
    expect(verdict([at(0, 0.2), at(9, 0.2)])).toMatchObject({ text: 'No gain on held-out problems' });
  });
  it('is bad where it unlearns, or where something is wrong still', () => {
    expect(verdict([at(0, 0.5), at(9, 0.2)])).toMatchObject({ kind: 'bad', text: 'It unlearns' });
    expect(verdict([at(0, 0.2), at(9, 0.5)], [wrong])).toMatchObject({
      kind: 'bad',
      text: 'Something is wrong: learns by heart',
      because: wrong.evidence,
    });
    expect(verdict([at(0, 0.2), at(9, 0.5)], [{ ...wrong, ended: 7 }]).kind).toBe('good');
  });
  it('goes by the reward where nothing was held out', () => {
    expect(verdict([], [], [1]).text).toBe('Too early to tell');
    const rising = Array.from({ length: 20 }, (_, i) => i / 20);
    expect(verdict([], [], rising)).toMatchObject({ kind: 'unsure', text: 'The reward rises' });
    expect(verdict([], [], rising.reverse()).text).toBe('The reward does not rise');
    expect(verdict([], [], rising).because).toMatch(/held-out problems were never asked$/);
  });
});
