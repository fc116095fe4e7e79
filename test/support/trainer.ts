/** Training runs of the model in `fake-model.ts`: the trainer without the addon. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainInput } from '../../src/run/train-options.js';
import { train } from '../../src/experiments/train.js';
import type { TrainExtras } from '../../src/run/extras.js';
import { isTime } from '../../src/grpo/metrics.js';
import type { Task } from '../../src/data/tasks/task.js';
import { fakeModel } from './fake-model.js';

/** A digit is right: something that a model of pairs of characters can learn. */
export const digits: Task = {
  name: 'digits',
  problems: () => Array.from({ length: 40 }, (_, i) => ({ prompt: `Say ${i}: `, answer: '1' })),
  reward: (completions) => completions.map(({ completion }) => (/^\d/.test(completion) ? 1 : -1)),
  stop: (text) => text.length > 0,
};
const small: TrainInput = {
  batchSize: 16,
  numGenerations: 4,
  maxSteps: 6,
  learningRate: 0.3,
  maxCompletionLength: 3,
  evalSteps: 2,
  evalSamples: 4,
  saveSteps: 2,
  // Its calls would be counted.
  probe: false,
};
export const run = async (input: TrainInput, extras: TrainExtras = {}) =>
  train({ ...small, ...input }, { task: digits, model: await fakeModel(), ...extras });

/** `metrics.csv` without the columns that differ between two equal runs. */
export function rows(folder: string): string[][] {
  const lines = readFileSync(join(folder, 'metrics.csv'), 'utf8').trimEnd().split('\n');
  const columns = lines[0]!.split(',');
  return lines.map((line) => line.split(',').filter((_, i) => !isTime(columns[i]!)));
}
export const lines = (folder: string, name: string) =>
  readFileSync(join(folder, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** `summary.json` without what differs between two equal runs: times, memory, and where they lie. */
export function summaryOf(folder: string): Record<string, unknown> {
  const text = readFileSync(join(folder, 'summary.json'), 'utf8').replaceAll(folder, 'RUN');
  const apart = /^(seconds|phases|tokens_.*_per_second|peak_memory)$/;
  return JSON.parse(text, (name, value: unknown) =>
    apart.test(name) || isTime(name) ? undefined : value,
  ) as Record<string, unknown>;
}

/** Aborts after `step`; with `phase`, in the middle of the next one. */
export async function interrupt(outputDir: string, step: number, input: TrainInput = {}, phase?: string) {
  const abort = new AbortController();
  return run(
    { outputDir, ...input },
    {
      signal: abort.signal,
      onPhase: (now, at) => {
        if (now === phase && at === step + 1) abort.abort();
      },
      onStep: (metrics) => {
        if (phase === undefined && metrics.step === step) abort.abort();
      },
    },
  );
}
