/** Rules about the gradient's norm before clipping: it is 0, or it explodes. */
import { median, short, type Rule } from '../rule.js';

/** A norm below this counts as 0. */
const ZERO = 1e-6;
/** A norm is too large above `norm`; also above `times` the run's usual norm, if it is above `least`. */
const LARGE = { norm: 100, times: 10, least: 20 };
/** Number of first steps whose median is the run's usual norm. */
const USUAL = 50;

export const gradientZero: Rule = {
  name: 'gradient_zero',
  title: 'no gradient',
  metric: 'grad_norm',
  window: 10,
  check({ steps }) {
    const norm = median(steps.slice(-this.window), 'grad_norm');
    if (norm === undefined || norm >= ZERO) return undefined;
    return {
      level: 'bad',
      evidence: `the gradient's norm is ${short(norm)} in the median of the last ${this.window} steps: nothing is learned`,
    };
  },
  remedies: [
    'see whether all rewards are equal (reward_std): the groups then teach nothing',
    'where all completions are wrong in the same way, the weights are broken: lower --learning-rate and start anew',
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
      evidence: `the gradient's norm is ${short(norm)} in the median of the last ${this.window} steps, and was ${short(usual)} in the first ${Math.min(USUAL, steps.length)}`,
    };
  },
  remedies: [
    'lower --learning-rate',
    'warm up: --warmup-ratio 0.1',
    'clip harder: --max-grad-norm 0.2',
    'take more prompts a step (--batch-size)',
  ],
};
