/** Rules about completions: cut off by their maximum length, or the same answer for every prompt. */
import { levelAbove, percent, recent, type Rule } from '../rule.js';

export const CUT_OFF = { warning: 0.25, bad: 0.5 };
const SAME = { warning: 0.5, bad: 0.9 };

export const cutOff: Rule = {
  name: 'completions_cut_off',
  title: 'completions cut off',
  metric: 'completions/clipped_ratio',
  window: 20,
  check({ steps }) {
    const cut = recent(steps, 'completions/clipped_ratio', this.window);
    const level = cut === undefined ? undefined : levelAbove(cut, CUT_OFF);
    return (
      level && {
        level,
        evidence: `${percent(cut!)} of the completions of the last ${this.window} steps ran into max_completion_length`,
      }
    );
  },
  remedies: ({ maxCompletionLength, stop }) => [
    `raise --max-completion-length (it is ${maxCompletionLength})`,
    ...(stop === 'none' ? ['let completions end where their reward is decided: --stop answer'] : []),
    'leave those that were cut out of the loss: --mask-truncated-completions',
  ],
};

export const oneAnswer: Rule = {
  name: 'one_answer',
  title: 'one answer for every prompt',
  metric: 'frac_same_answer',
  window: 20,
  check({ steps }) {
    const same = recent(steps, 'frac_same_answer', this.window);
    const level = same === undefined ? undefined : levelAbove(same, SAME);
    return (
      level && {
        level,
        evidence: `answers to different prompts agree ${percent(same!)} of the time over the last ${this.window} steps, more than the right ones do: the answer does not depend on the prompt`,
      }
    );
  },
  remedies: [
    'lower --learning-rate or raise --beta, and start anew: a run rarely recovers from this',
    'see whether one answer is rewarded too often: balance the problems, or correct the reward',
  ],
};
