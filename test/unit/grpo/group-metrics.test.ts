import { describe, expect, it } from 'vitest';
import { groupMetrics } from '../../../src/grpo/group-metrics.js';
import type { Rollout } from '../../../src/grpo/rollout.js';

/** Groups of what was answered; right is what the prompt `answer` says. */
function of(groups: [answer: string, ...answers: string[]][]) {
  const size = groups[0]!.length - 1;
  const completions = groups.flatMap(([answer, ...answers], i) =>
    answers.map((extracted) => ({
      problem: { prompt: `${i}`, answer },
      extracted,
      correct: extracted === answer,
    })),
  );
  const flat = groups.flatMap(([answer, ...answers]) => {
    const right = new Set(answers.map((one) => one === answer));
    return answers.map(() => right.size === 1);
  });
  return groupMetrics({ completions, advantages: { flat } } as unknown as Rollout, size);
}

describe('groups', () => {
  it('that are right throughout are counted', () => {
    expect(
      of([
        ['1', '1', '1'],
        ['2', '2', '0'],
        ['3', '0', '0'],
        ['4', '4', '4'],
      ]).frac_all_right,
    ).toBe(0.5);
  });

  it('agree where one answer is given to every prompt', () => {
    expect(
      of([
        ['1', '7', '7'],
        ['2', '7', '7'],
        ['3', '7', '7'],
      ]).frac_same_answer,
    ).toBe(1);
    expect(
      of([
        ['1', '1', '1'],
        ['2', '2', '2'],
        ['3', '3', '3'],
      ]).frac_same_answer,
    ).toBe(0);
    expect(
      of([
        ['1', '7', '8'],
        ['2', '7', '8'],
        ['3', '7', '8'],
      ]).frac_same_answer,
    ).toBeCloseTo(0.5);
  });

  it('may agree as much as the right answers do', () => {
    const half: [string, ...string[]][] = [
      ['yes', 'yes', 'yes'],
      ['yes', 'yes', 'yes'],
      ['no', 'no', 'no'],
      ['no', 'no', 'no'],
    ];
    expect(of(half).frac_same_answer).toBe(0);
    expect(of(half.map(([answer]) => [answer, 'yes', 'yes'])).frac_same_answer).toBe(1);
    // Nothing can be said of one prompt, or where all have the same right answer.
    expect(of([['1', '1', '1']]).frac_same_answer).toBeUndefined();
    expect(
      of([
        ['1', '1', '1'],
        ['1', '1', '1'],
      ]).frac_same_answer,
    ).toBeUndefined();
  });
});
