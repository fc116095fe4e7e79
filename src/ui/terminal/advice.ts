/** What to try next: what the diagnosis says of the run, and what is always worth doing. */
import { shellOption } from '../../common/shell.js';
import { shortPath } from './text.js';
import { byLevel, type Diagnosed } from '../../run/diagnosis/events.js';
import type { TrainPlan, TrainSummary } from '../../run/events.js';

/** Things to try of each. */
const REMEDIES = 2;
/** What is over is told where it lasted for a good part of the run. */
const LASTED = 0.2;

export function advice(summary: TrainSummary, plan: TrainPlan): string[] {
  if (summary.interrupted)
    return summary.outputDir === undefined
      ? []
      : [
          `go on: grpo-native ${plan.kind === 'sft' ? 'sft' : 'train'} ${shellOption('output-dir', shortPath(summary.outputDir))} --resume`,
        ];
  const { before, after } = summary;
  const tips = worthTelling(summary).map(
    ({ title, evidence, remedies }) =>
      `${title}: ${evidence}. Try: ${remedies.slice(0, REMEDIES).join('; or ')}`,
  );
  if (before && after && after.low <= before.high && after.accuracy > before.accuracy)
    tips.push('the held-out intervals overlap: raise --eval-samples or --max-steps to be sure of the gain');
  if (summary.finalModel !== undefined && plan.examplePrompt.length <= LONGEST_PROMPT)
    tips.push(
      `see what it says: grpo-native generate ${shellOption('model', shortPath(summary.finalModel))} ${shellOption('prompt', plan.examplePrompt)}`,
    );
  return tips;
}

/** Characters of a prompt that one would copy. */
const LONGEST_PROMPT = 200;

/** The gravest first; of what came several times, the last. */
function worthTelling({ diagnoses, steps }: TrainSummary): Diagnosed[] {
  const told = diagnoses.filter(({ began, ended }) => ended === undefined || ended - began > LASTED * steps);
  return [...new Map(told.map((one) => [one.diagnosis, one])).values()].sort(byLevel);
}
