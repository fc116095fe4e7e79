/** What is printed before a run: model, task, engine, steps, memory. */
import colors from 'picocolors';
import type { TrainPlan } from '../../run/events.js';
import { memoryText } from './forecast.js';
import { shortPath } from './text.js';
import { bytes, count, number, parameters } from '../../common/format.js';

export function opening(plan: TrainPlan): string {
  const { engine, memory } = plan;
  const gflops = engine.matrixGflops[engine.matrixBackend];
  const rows: [string, string][] = [
    [
      'model',
      `${plan.model} (${plan.modelType}, ${parameters(plan.parameters)} parameters)` +
        (plan.trainableParameters < plan.parameters
          ? `; adapters of ${parameters(plan.trainableParameters)} learn`
          : ''),
    ],
    [
      'task',
      `${plan.task}: ${count(plan.trainProblems)} problems to learn from, ${count(plan.heldOutProblems)} held out` +
        (plan.validationProblems > 0 ? `, ${count(plan.validationProblems)} for validation` : ''),
    ],
    [
      'engine',
      `${engine.device}, ${engine.threads} threads, ${engine.dtype}, matrices by ${engine.matrixBackend}` +
        (gflops === undefined ? '' : ` (${gflops.toFixed(0)} GFLOP/s)`) +
        `, libtorch ${engine.torchVersion}`,
    ],
    [
      'steps',
      `${count(plan.steps)} of ${plan.promptsPerStep} prompts` +
        (plan.kind === 'grpo' ? ` x ${plan.numGenerations} completions` : '') +
        ` (${number(plan.epochs)} epochs)` +
        startText(plan),
    ],
    ['memory', `up to ${bytes(memory.peak)} of ${bytes(memory.available)}: ${memoryText(memory)}`],
  ];
  if (plan.evalSamples > 0)
    rows.push(['evaluation', `${count(plan.evalSamples)} held-out problems, before, between and after`]);
  if (plan.validationProblems > 0)
    rows.push([
      'best',
      `chosen by the ${count(plan.validationProblems)} validation problems; the held-out ones tell how good it is`,
    ]);
  if (plan.outputDir !== undefined) rows.push(['output', shortPath(plan.outputDir)]);
  const title = plan.kind === 'grpo' ? 'GRPO' : 'supervised warm start';
  return [
    colors.bold(`grpo-native: ${title}`),
    ...rows.map(([name, value]) => `  ${colors.dim(name.padEnd(11))}${value}`),
    '',
  ].join('\n');
}

function startText({ startStep, forkedFrom }: TrainPlan): string {
  if (startStep === 0) return '';
  return forkedFrom === undefined
    ? `, resumed after step ${startStep}`
    : `, forked from ${shortPath(forkedFrom)} after step ${startStep}`;
}
