/** Suggestions after a run: the remedies of its diagnoses, and general ones. */
import { shellOption } from '../../common/shell.js';
import { shortPath } from './text.js';
import { byLevel, type Diagnosed } from '../../run/diagnosis/events.js';
import type { Message } from '../../model/message.js';
import type { TrainPlan, TrainSummary } from '../../run/events.js';

/** Remedies listed per diagnosis. */
const REMEDIES = 2;
/** A diagnosis that ended is mentioned only if it lasted for more than this share of the run. */
const LASTED = 0.2;

export function advice(summary: TrainSummary, plan: TrainPlan): string[] {
  if (summary.interrupted)
    return summary.outputDir === undefined
      ? []
      : [
          `go on: grpo-native ${plan.kind === 'sft' ? 'sft' : 'train'} ${shellOption('output-dir', shortPath(summary.outputDir))} --resume`,
        ];
  const { before, after, best } = summary;
  const tips = worthMentioning(summary).map(
    ({ title, evidence, remedies }) =>
      `${title}: ${evidence}. Try: ${remedies.slice(0, REMEDIES).join('; or ')}`,
  );
  if (before && after && after.low <= before.high && after.accuracy > before.accuracy)
    tips.push('the held-out intervals overlap: raise --eval-samples or --max-steps to be sure of the gain');
  const model = best?.loaded ? best.model : summary.finalModel;
  const asked = asking(plan);
  if (model !== undefined && asked && asked.join('').length <= LONGEST_PROMPT)
    tips.push(
      `see what it says: grpo-native generate ${shellOption('model', shortPath(model))} ${asked.join(' ')}`,
    );
  return tips;
}

/** Options of `generate` that put the example to the model; undefined: a longer conversation, which it can't ask. */
function asking({ examplePrompt, exampleMessages }: TrainPlan): string[] | undefined {
  if (!exampleMessages) return [shellOption('prompt', examplePrompt)];
  const roles = exampleMessages.map(({ role }) => role).join();
  if (roles !== 'user' && roles !== 'system,user') return undefined;
  const [first, user = first] = exampleMessages as [Message, Message?];
  const chat = user === first ? '--chat' : shellOption('system-prompt', first.content);
  return [chat, shellOption('prompt', user.content)];
}

/** Longest prompt, in characters, that is put into a command to copy. */
const LONGEST_PROMPT = 200;

/** Diagnoses worth mentioning, the most severe first; of repeated ones, the last. */
function worthMentioning({ diagnoses, steps }: TrainSummary): Diagnosed[] {
  const relevant = diagnoses.filter(
    ({ began, ended }) => ended === undefined || ended - began > LASTED * steps,
  );
  return [...new Map(relevant.map((one) => [one.diagnosis, one])).values()].sort(byLevel);
}
