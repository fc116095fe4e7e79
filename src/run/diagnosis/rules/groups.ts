/** Rules about groups whose rewards are all equal: their advantages are 0, so nothing is learned from them. */
import { levelAbove, percent, recent, type Rule } from '../rule.js';

/** Thresholds, as shares of the groups. */
export const NO_SPREAD = { warning: 0.25, bad: 0.5 };
const SOLVED = 0.75;

export const groupsWithoutSpread: Rule = {
  name: 'groups_without_spread',
  title: 'groups without spread',
  metric: 'frac_reward_zero_std',
  window: 50,
  check({ steps }) {
    const flat = recent(steps, 'frac_reward_zero_std', this.window);
    if (flat === undefined) return undefined;
    // Groups in which every completion is right have no spread either; they are the goal of the run.
    const lost = flat - (recent(steps, 'frac_all_right', this.window) ?? 0);
    const level = levelAbove(lost, NO_SPREAD);
    return (
      level && {
        level,
        evidence: `in ${percent(lost)} of the groups of the last ${this.window} steps every completion had the same reward, and not all were right: they taught nothing`,
      }
    );
  },
  remedies: ({ numGenerations }) => [
    `raise --num-generations (it is ${numGenerations}): a right answer now and then is enough`,
    'raise --temperature',
    'choose easier problems (--max-operand, --operations, a curriculum), or start with sft',
    'give partial credit: --reward partial_credit, or a reward of your own',
  ],
};

export const solved: Rule = {
  name: 'reward_at_maximum',
  title: 'reward at its maximum',
  metric: 'frac_all_right',
  window: 50,
  check({ steps }) {
    const right = recent(steps, 'frac_all_right', this.window);
    if (right === undefined || right <= SOLVED) return undefined;
    return {
      level: 'note',
      evidence: `in ${percent(right)} of the groups of the last ${this.window} steps every completion was right: there is little left to learn`,
    };
  },
  remedies: ['choose harder problems, or more of them (--max-operand, --train-samples)', 'stop here'],
};
