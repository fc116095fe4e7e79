/** Rules about rewards that do not rise: at their minimum, or unchanged for half of the run. */
import { levelAbove, mean, percent, recent, short, type Rule } from '../rule.js';

/** Thresholds of the share of wrong completions. */
const WRONG = { warning: 0.95, bad: 0.98 };
/** The rule for an unchanged reward: steps before it applies, and the least rise, as a share of the spread. */
const STILL = { from: 100, rise: 0.05 };

export const rewardAtMinimum: Rule = {
  name: 'reward_at_minimum',
  title: 'reward stuck at its minimum',
  metric: 'reward',
  window: 50,
  check({ steps }) {
    const right = recent(steps, 'accuracy', this.window);
    const reward = recent(steps, 'reward', this.window);
    if (right === undefined || reward === undefined) return undefined;
    const level = levelAbove(1 - right, WRONG);
    return (
      level && {
        level,
        evidence: `${percent(1 - right)} of the completions of the last ${this.window} steps were wrong, with a mean reward of ${short(reward)}`,
      }
    );
  },
  remedies: [
    'look at the completions (below, or in completions.jsonl): is the answer in them, but not found?',
    'choose easier problems, or start with sft until some answers are right',
    'where it once was better: lower --learning-rate or raise --beta, and start anew',
  ],
};

export const rewardFlat: Rule = {
  name: 'reward_flat',
  title: 'reward does not move',
  metric: 'reward',
  window: 50,
  check({ steps }, facts) {
    if (steps.length < Math.max(STILL.from, facts.steps / 2)) return undefined;
    const right = recent(steps, 'accuracy', this.window);
    const first = mean(steps.slice(0, this.window), 'reward');
    const last = recent(steps, 'reward', this.window);
    const spread = mean(steps, 'reward_std');
    if (first === undefined || last === undefined || right === undefined || !spread) return undefined;
    if (right > 0.9 || last - first > STILL.rise * spread) return undefined;
    return {
      level: 'warning',
      evidence: `the reward was ${short(first)} in the first ${this.window} steps and is ${short(last)} in the last ${this.window}`,
    };
  },
  remedies: ['raise --learning-rate', 'take more prompts a step (--batch-size)', 'raise --max-steps'],
};
