/** A rule about the entropy of the policy: one that is sure of wrong answers samples no better ones. */
import { recent, percent, short, type Rule } from '../rule.js';

/**
 * Entropy in nats per token below which the rule applies. The thresholds are in proportion to the share of
 * wrong completions: where all are right, a low entropy is no fault.
 */
const LOW = 0.2;
const PER_WRONG = { warning: 0.25, bad: 0.1 };

export const entropyCollapse: Rule = {
  name: 'entropy_collapse',
  title: 'entropy collapsed',
  metric: 'entropy',
  window: 20,
  check({ steps }) {
    const entropy = recent(steps, 'entropy', this.window);
    const right = recent(steps, 'accuracy', this.window);
    if (entropy === undefined || right === undefined || entropy >= LOW) return undefined;
    const wrong = 1 - right;
    if (entropy >= PER_WRONG.warning * wrong) return undefined;
    return {
      level: entropy < PER_WRONG.bad * wrong ? 'bad' : 'warning',
      evidence: `the entropy is ${short(entropy)} nats a token while ${percent(wrong)} of the completions are wrong: the same completions are sampled again and again`,
    };
  },
  remedies: ({ beta }) => [
    'raise --temperature',
    beta > 0 ? `raise --beta (it is ${beta})` : 'keep the policy near the reference model: --beta 0.04',
    'keep the entropy up: --use-adaptive-entropy, or --entropy-coef 0.01',
    'lower --learning-rate',
  ],
};
