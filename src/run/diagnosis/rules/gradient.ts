/** Gradients that are nothing, or too much. Norms before clipping. */
import { median, short, type Rule } from '../rule.js';

const NOTHING = 1e-6;
const LARGE = { norm: 100, times: 10, least: 20 };
/** Steps that a run's usual norm is taken from. */
const USUAL = 50;

export const gradientZero: Rule = {
  name: 'gradient_zero',
  title: 'no gradient',
  metric: 'grad_norm',
  window: 10,
  check({ steps }) {
    const norm = median(steps.slice(-this.window), 'grad_norm');
    if (norm === undefined || norm >= NOTHING) return undefined;
    return {
      level: 'bad',
      evidence: `the gradient's norm is ${short(norm)} in the middle of the last ${this.window} steps: nothing is learned`,
    };
  },
  remedies: [
    'see whether all rewards are equal (reward_std): the groups then teach nothing',
    'where all are wrong alike, the weights are spoiled: lower --learning-rate and start anew',
  ],
};

export const gradientExploding: Rule = {
  name: 'gradient_exploding',
  title: 'gradients explode',
  metric: 'grad_norm',
  window: 10,
  check({ steps }) {
    const norm = median(steps.slice(-this.window), 'grad_norm');
    const usual = median(steps.slice(0, USUAL), 'grad_norm');
    if (norm === undefined || usual === undefined) return undefined;
    const grown = steps.length > USUAL && norm > LARGE.times * usual && norm > LARGE.least;
    if (norm <= LARGE.norm && !grown) return undefined;
    return {
      level: norm > LARGE.norm ? 'bad' : 'warning',
      evidence: `the gradient's norm is ${short(norm)} in the middle of the last ${this.window} steps, and was ${short(usual)} in the first ${Math.min(USUAL, steps.length)}`,
    };
  },
  remedies: [
    'lower --learning-rate',
    'warm up: --warmup-ratio 0.1',
    'clip harder: --max-grad-norm 0.2',
    'take more prompts a step (--batch-size)',
  ],
};
