/** What is printed when a run has ended: results, diagnoses, and what to try next. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import colors from 'picocolors';
import { byLevel, type Diagnosed } from '../../run/diagnosis/events.js';
import type { TrainPlan, TrainSummary } from '../../run/events.js';
import type { Best } from '../../run/choosing.js';
import type { Evaluation } from '../../run/evaluate.js';
import { REPORT_FILE } from '../server/types.js';
import { advice } from './advice.js';
import { levelColor } from './live-view.js';
import { sparkline } from './sparkline.js';
import { shortPath } from './text.js';
import { bytes, count, duration, number, percent } from '../../common/format.js';

export function ending(summary: TrainSummary, plan: TrainPlan, rewards: number[]): string {
  const { before, after, phases } = summary;
  const nothingLeft = !summary.interrupted && plan.startStep > 0 && summary.steps === plan.startStep;
  const rows: [string, string][] = [];
  const { best } = summary;
  if (after)
    rows.push(['held-out accuracy', change(before, after) + (best?.loaded ? ', of the best weights' : '')]);
  if (best) rows.push(['best weights', chosen(best)]);
  if (summary.rewardLast !== undefined) {
    rows.push(['training reward', reward(summary, rewards)]);
    if (after) rows.push(['gap', gap(summary.rewardLast, after)]);
  }
  const total = Object.values(phases).reduce((sum, value) => sum + value, 0);
  if (total > 0) {
    const shares = Object.entries(phases)
      .filter(([, seconds]) => seconds / total > 0.005)
      .map(([name, seconds]) => `${name} ${percent(seconds / total, 0)}`);
    rows.push(['time', `${duration(total / Math.max(1, summary.steps))} a step: ${shares.join(', ')}`]);
    rows.push([
      'tokens',
      (summary.tokensSampledPerSecond > 0
        ? `${count(summary.tokensSampledPerSecond)} sampled a second, `
        : '') + `${count(summary.tokensComputedPerSecond)} distinct ones computed a second`,
    ]);
  }
  rows.push(['memory', `${bytes(summary.peakMemory)} at most`]);
  if (summary.outputDir !== undefined) rows.push(['run folder', shortPath(summary.outputDir)]);
  const page = summary.outputDir === undefined ? undefined : join(summary.outputDir, REPORT_FILE);
  if (page !== undefined && existsSync(page)) rows.push(['page', shortPath(page)]);
  if (summary.finalModel !== undefined) rows.push(['model', shortPath(summary.finalModel)]);
  if (best?.model !== undefined) rows.push(['best model', shortPath(best.model)]);
  if (summary.interrupted && summary.checkpoint !== undefined)
    rows.push(['checkpoint', shortPath(summary.checkpoint)]);

  const head = summary.interrupted
    ? colors.yellow(`Interrupted after step ${summary.steps} of ${plan.steps}`)
    : nothingLeft
      ? colors.green(
          `Nothing was left to do: ${summary.earlyEnd ? '' : 'all '}${count(summary.steps)} steps were taken already`,
        )
      : colors.green(`Done: ${count(summary.steps)} steps in ${duration(summary.seconds)}`);
  const why = summary.earlyEnd && `Ended before step ${count(plan.steps)}: ${summary.earlyEnd.reason}`;
  const lines = [
    '',
    colors.bold(head),
    ...(why === undefined ? [] : [why]),
    ...rows.map(([name, value]) => `  ${colors.dim(name.padEnd(18))}${value}`),
  ];
  const happened = whatHappened(summary.diagnoses);
  if (happened.length > 0)
    lines.push('', colors.bold('What was noticed'), ...happened.map((text) => `  - ${text}`));
  const tips = advice(summary, plan);
  if (tips.length > 0) lines.push('', colors.bold('What to try next'), ...tips.map((tip) => `  - ${tip}`));
  return lines.join('\n');
}

/** Diagnoses in the order in which they began; one that recurred is a single line. */
export function whatHappened(diagnoses: readonly Diagnosed[]): string[] {
  const byRule = new Map<string, Diagnosed[]>();
  for (const one of diagnoses) byRule.set(one.diagnosis, [...(byRule.get(one.diagnosis) ?? []), one]);
  return [...byRule.values()].map((times) => {
    const { title, level } = times.toSorted(byLevel)[0]!;
    const { began } = times[0]!;
    const { ended } = times.at(-1)!;
    const when = ended === undefined ? `from step ${began} on` : `steps ${began} to ${ended}`;
    return `${levelColor(level)(title)} (${level}), ${times.length > 1 ? `${times.length} times, ` : ''}${when}`;
  });
}

function share({ accuracy, low, high }: Evaluation): string {
  return `${colors.bold(percent(accuracy))} [${percent(low)}, ${percent(high)}]`;
}

function change(before: Evaluation | undefined, after: Evaluation): string {
  if (!before) return `${share(after)} (${after.correct} of ${after.total})`;
  return `${share(before)} before, ${share(after)} after (${before.correct} and ${after.correct} of ${after.total})`;
}

/** Which figure chose, and which tells. */
function chosen({ step, metric, validation, heldOut }: Best): string {
  const by = metric === 'accuracy' ? share(validation) : colors.bold(number(validation.reward));
  return (
    `step ${step}, chosen by validation ${metric} ${by}` +
    (heldOut ? `; held-out accuracy there ${share(heldOut)}, which tells` : '')
  );
}

function reward({ rewardFirst, rewardLast, trainAccuracyLast }: TrainSummary, rewards: number[]): string {
  const right = trainAccuracyLast === undefined ? '' : `, ${percent(trainAccuracyLast)} right`;
  return `${number(rewardFirst)} in the first tenth, ${colors.bold(number(rewardLast))} in the last${right}  ${colors.green(sparkline(rewards, 30))}`;
}

function gap(rewardLast: number, after: Evaluation): string {
  const difference = rewardLast - after.reward;
  const how = after.temperature === 0 ? 'greedy' : `at temperature ${after.temperature}`;
  return `${number(difference)}: training reward ${number(rewardLast)} (sampled), held-out reward ${number(after.reward)} (${how})`;
}
