/**
 * Rules about held-out accuracy (the test split): it falls, or it stays behind the accuracy on training
 * problems.
 */
import type { Metrics } from '../../../grpo/metrics.js';
import { mean, percent, type History, type Rule } from '../rule.js';

/** Gap between training and held-out accuracy. */
const GAP = { warning: 0.15, bad: 0.3 };
/** Share of the gain in training accuracy that held-out accuracy must gain too. */
const LEAST_GAIN = 1 / 3;

const accuracyOf = (row: Metrics) => row['eval/accuracy']!;

export const heldOutFalling: Rule = {
  name: 'held_out_falling',
  title: 'held-out accuracy falls',
  metric: 'eval/accuracy',
  window: 1,
  check({ evaluations }) {
    const last = evaluations.at(-1);
    const first = evaluations[0];
    if (!last || !first || last === first) return undefined;
    const best = evaluations.reduce((a, b) => (accuracyOf(b) > accuracyOf(a) ? b : a));
    // Below the 95% interval of the best evaluation: more than chance.
    if (accuracyOf(last) >= best['eval/accuracy_low']!) return undefined;
    const below = accuracyOf(last) < first['eval/accuracy_low']!;
    return {
      level: below ? 'bad' : 'warning',
      evidence:
        `held-out accuracy is ${percent(accuracyOf(last))} at step ${last.step} and was ${percent(accuracyOf(best))} at step ${best.step}` +
        (below && best !== first ? `, ${percent(accuracyOf(first))} at step ${first.step}` : ''),
    };
  },
  remedies: ({ beta }) => [
    'lower --learning-rate',
    beta > 0 ? `raise --beta (it is ${beta})` : 'hold it to the reference: --beta 0.04',
    'take more problems (--train-samples), or stop at the best evaluation',
  ],
};

export const memorising: Rule = {
  name: 'memorising',
  title: 'learns by heart',
  metric: 'eval/accuracy',
  window: 20,
  check(history) {
    const first = history.evaluations[0];
    const last = history.evaluations.at(-1);
    if (!first || !last || last.step < this.window) return undefined;
    const trained = trainedUntil(history, last.step, this.window);
    const trainedFirst = mean(history.steps.slice(0, this.window), 'accuracy');
    if (trained === undefined || trainedFirst === undefined) return undefined;
    const gap = trained - accuracyOf(last);
    const gain = { trained: trained - trainedFirst, heldOut: accuracyOf(last) - accuracyOf(first) };
    if (gap <= GAP.warning || gain.trained <= 0 || gain.heldOut >= LEAST_GAIN * gain.trained)
      return undefined;
    return {
      level: gap > GAP.bad && gain.heldOut <= 0 ? 'bad' : 'warning',
      evidence: `at step ${last.step} training problems are right ${percent(trained)} of the time, held-out ones ${percent(accuracyOf(last))}; at the beginning it was ${percent(trainedFirst)} and ${percent(accuracyOf(first))}`,
    };
  },
  remedies: ({ trainProblems, beta }) => [
    `take more different problems (there are ${trainProblems}): --train-samples, --max-operand, --task mixed`,
    'train for fewer epochs',
    beta > 0 ? `raise --beta (it is ${beta})` : 'hold it to the reference: --beta 0.04',
  ],
};

/** Mean training accuracy over the `window` steps up to `step`. */
function trainedUntil({ steps }: History, step: number, window: number): number | undefined {
  const end = steps.findLastIndex((row) => row.step <= step) + 1;
  return mean(steps.slice(Math.max(0, end - window), end), 'accuracy');
}
