/**
 * Rules about the KL to the reference model, in nats per completion token: the policy moved too far, or not
 * at all.
 */
import { levelAbove, median, recent, short, type Rule } from '../rule.js';

/** Thresholds of a KL that is too large; the research journal's runs that learned ended between 0.5 and 0.8. */
const FAR = { warning: 1, bad: 3 };
/** A KL below this means that the policy has not moved. */
const NOT_MOVED = 1e-4;

export const klRunaway: Rule = {
  name: 'kl_runaway',
  title: 'KL running away',
  metric: 'kl',
  window: 20,
  check({ steps }) {
    // The median, since a single rare token can give a step any KL.
    const kl = median(steps.slice(-this.window), 'kl');
    const level = kl === undefined ? undefined : levelAbove(kl, FAR);
    return (
      level && {
        level,
        evidence: `the KL to the reference is above ${short(kl!)} nats a token in half of the last ${this.window} steps; runs that learn stay below ${FAR.warning}`,
      }
    );
  },
  remedies: ({ beta }) => [
    'lower --learning-rate',
    `raise --beta (it is ${beta})`,
    'warm up: --warmup-ratio 0.1',
  ],
};

export const klStill: Rule = {
  name: 'kl_still',
  title: 'the policy hardly moves',
  metric: 'kl',
  window: 50,
  check({ steps }) {
    const kl = recent(steps, 'kl', this.window);
    const rate = recent(steps, 'learning_rate', this.window);
    if (kl === undefined || kl >= NOT_MOVED) return undefined;
    return {
      level: 'warning',
      evidence: `the KL to the reference is ${short(kl)} nats a token after ${steps.length} steps, at a learning rate of ${short(rate ?? 0)}: hardly any weight has moved`,
    };
  },
  remedies: ({ beta }) => ['raise --learning-rate', `lower --beta (it is ${beta})`],
};
