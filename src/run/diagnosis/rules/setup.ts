/** Rules about the setup of a run: repeated problems, and a learning rate that ends too early. */
import { levelAbove, mean, percent, short, type Rule } from '../rule.js';
import type { Metrics } from '../../../grpo/metrics.js';

/** Thresholds of the share of problems that repeat another. */
const REPEATED = { warning: 0.1, bad: 0.5 };
/**
 * `rate`: share of the highest learning rate; `rise`: share of the reward's whole rise that it still rose at
 * the end.
 */
const ENDED = { rate: 0.05, rise: 0.05 };

export const duplicatePrompts: Rule = {
  name: 'duplicate_prompts',
  title: 'duplicate prompts',
  metric: 'reward',
  window: 1,
  check(_history, { repeatedShare, trainProblems }) {
    const level = levelAbove(repeatedShare, REPEATED);
    return (
      level && {
        level,
        evidence: `${percent(repeatedShare)} of an epoch's problems repeat another: ${trainProblems} are different`,
      }
    );
  },
  remedies: ['take more different problems: leave out --unique-samples, or raise it'],
};

export const rateEnded: Rule = {
  name: 'rate_ended_early',
  title: 'the learning rate ended while it still improved',
  metric: 'learning_rate',
  window: 10,
  check({ steps }, { learningRate }) {
    const rate = steps.at(-1)?.learning_rate;
    const part = Math.floor(steps.length / 10);
    if (rate === undefined || rate > ENDED.rate * learningRate || part < this.window) return undefined;
    const first = mean(steps.slice(0, part), 'reward');
    const before = ofRewards(steps.slice(-2 * part, -part));
    const last = ofRewards(steps.slice(-part));
    if (first === undefined || !before || !last) return undefined;
    const rise = last.mean - before.mean;
    const noise = Math.hypot(last.error, before.error);
    if (rise <= 2 * noise || rise <= ENDED.rise * (last.mean - first)) return undefined;
    return {
      level: 'note',
      evidence: `the reward still rose from ${short(before.mean)} to ${short(last.mean)} over the last fifth of the steps, while the learning rate came down to ${short(rate)}`,
    };
  },
  remedies: [
    'train for longer: raise --max-steps or --num-train-epochs',
    'keep the rate up: --lr-scheduler-type constant, or a higher --learning-rate',
  ],
};

/** Mean reward, and its standard error. */
function ofRewards(rows: readonly Metrics[]): { mean: number; error: number } | undefined {
  const values = rows.map(({ reward }) => reward).filter((value) => value !== undefined);
  const centre = mean(rows, 'reward');
  if (centre === undefined || values.length < 2) return undefined;
  const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
  return { mean: centre, error: Math.sqrt(variance / values.length) };
}
