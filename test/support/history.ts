/** Rows of metrics that no run was needed for. */
import type { RunFacts } from '../../src/run/diagnosis/rule.js';
import type { Metrics } from '../../src/grpo/metrics.js';

export const facts = (changed: Partial<RunFacts> = {}): RunFacts => ({
  kind: 'grpo',
  steps: 1000,
  beta: 0.04,
  learningRate: 1e-3,
  numGenerations: 16,
  maxCompletionLength: 16,
  stop: 'none',
  trainProblems: 1000,
  repeatedShare: 0,
  ...changed,
});

/** A step of a run that learns: nothing is to be said of it. */
export const healthy: Omit<Metrics, 'step'> = {
  reward: 0,
  reward_std: 0.95,
  accuracy: 0.5,
  frac_reward_zero_std: 0.2,
  frac_all_right: 0.1,
  frac_same_answer: 0.01,
  kl: 0.4,
  entropy: 0.4,
  grad_norm: 3,
  learning_rate: 1e-3,
  'completions/clipped_ratio': 0,
};

/** Steps `from` to `to`, each with what `of` says of it on top of the healthy values. */
export const steps = (
  from: number,
  to: number,
  of: (step: number) => Partial<Metrics> = () => ({}),
): Metrics[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ ...healthy, ...of(from + i), step: from + i }));

export const evaluated = (step: number, accuracy: number, halfWidth = 0.07): Metrics => ({
  step,
  'eval/accuracy': accuracy,
  'eval/accuracy_low': accuracy - halfWidth,
  'eval/accuracy_high': accuracy + halfWidth,
});
