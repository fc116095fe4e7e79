/** What to try next, by what happened. Each rule says what it saw. */
import type { TrainPlan, TrainSummary } from '../grpo/events.js';
import { number, percent } from './text.js';

export function advice(summary: TrainSummary, plan: TrainPlan): string[] {
  if (summary.interrupted)
    return summary.outputDir === undefined
      ? []
      : [
          `go on: grpo-native ${plan.kind === 'sft' ? 'sft' : 'train'} --output-dir ${summary.outputDir} --resume`,
        ];
  const tips: string[] = [];
  const { before, after, rewardFirst, rewardLast, metricsLast: last } = summary;
  const zero = last.frac_reward_zero_std ?? 0;
  const learned = rewardFirst !== undefined && rewardLast !== undefined && rewardLast - rewardFirst > 0.1;
  const solved = (summary.trainAccuracyLast ?? 0) > 0.9;

  if (zero >= 0.5 && !solved)
    tips.push(
      `${percent(zero, 0)} of the groups had equal rewards and taught nothing: raise --num-generations or --temperature, or choose easier problems`,
    );
  if (zero >= 0.75 && solved)
    tips.push('nearly every group is right throughout: choose harder problems, or stop here');
  if (last.entropy !== undefined && last.entropy < 0.02 && !solved)
    tips.push(
      `the entropy fell to ${number(last.entropy)} nats, so every completion is the same: raise --temperature or --beta, or lower --learning-rate`,
    );
  if (plan.beta > 0 && last.kl !== undefined && last.kl > 1)
    tips.push(
      `the model is far from where it started (KL ${number(last.kl)} nats a token): raise --beta or lower --learning-rate`,
    );
  if (last.grad_norm !== undefined && last.grad_norm > 100)
    tips.push(`gradients are large (norm ${number(last.grad_norm)}): lower --learning-rate`);
  if ((last['completions/clipped_ratio'] ?? 0) > 0.5)
    tips.push(
      `${percent(last['completions/clipped_ratio']!, 0)} of the completions ran into --max-completion-length: raise it, or let them end with --stop answer`,
    );
  if (after && summary.trainAccuracyLast !== undefined && summary.trainAccuracyLast - after.accuracy > 0.15)
    tips.push(
      `training problems are right ${percent(summary.trainAccuracyLast)} of the time, held-out ones ${percent(after.accuracy)}: it learns by heart; take more problems, fewer epochs or a higher --beta`,
    );
  if (before && after && after.accuracy < before.low)
    tips.push('held-out accuracy fell: lower --learning-rate or raise --beta');
  if (before && after && after.low <= before.high && after.accuracy > before.accuracy)
    tips.push('the held-out intervals overlap: raise --eval-samples or --max-steps to be sure of the gain');
  if (plan.kind === 'grpo' && rewardLast !== undefined && !learned && !solved && zero < 0.5)
    tips.push('the reward hardly moved: raise --learning-rate or --max-steps');
  if (summary.finalModel !== undefined)
    tips.push(
      `see what it says: grpo-native generate --model ${summary.finalModel} --prompt "Calculate: 7 + 8 = "`,
    );
  return tips;
}
