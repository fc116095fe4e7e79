/** Run folders as a run leaves them, made up: for whatever reads them. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ForkedFrom } from '../../src/run/folder/changes.js';
import type { CompletionRecord } from '../../src/ui/server/types.js';

export interface MadeRun {
  steps: number;
  promptsPerStep?: number;
  problems?: number;
  /** Steps between evaluations. */
  evalSteps?: number;
  config?: Record<string, unknown>;
  /** Of each completion. */
  text?: (step: number, problem: number) => string;
  prompt?: (problem: number) => string;
  /** Where it was forked, as `env.json` has it. */
  forkedFrom?: ForkedFrom;
  /** Whether it has ended. */
  ended?: boolean;
}

const DEFAULTS = { promptsPerStep: 2, problems: 8, evalSteps: 5 };

/**
 * Of each group half say one thing, half another; problems are learned one after another, and the policy is then
 * sure of them, as it was before they were met half-way.
 */
export function writeRun(folder: string, run: MadeRun): string {
  const { steps, config, forkedFrom, ended = true } = run;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'config.yaml'),
    stringify({
      model: 'tiny',
      task: 'arithmetic',
      num_generations: 8,
      max_steps: steps,
      beta: 0.1,
      ...config,
    }),
  );
  writeFileSync(
    join(folder, 'env.json'),
    JSON.stringify({ node: 'v20.0.0', machine: { memory: 8e9 }, forked_from: forkedFrom }),
  );
  writeFileSync(join(folder, 'metrics.jsonl'), `${JSON.stringify({ step: 0, ...evaluationOf(0, steps) })}\n`);
  writeFileSync(join(folder, 'completions.jsonl'), '');
  appendSteps(folder, run, 1, steps);
  if (ended) writeSummary(folder, steps);
  return folder;
}

/** What the steps of a run that goes on leave. */
export function appendSteps(folder: string, run: MadeRun, from: number, to: number): void {
  const { evalSteps } = { ...DEFAULTS, ...run };
  let metrics = '';
  let completions = '';
  for (let step = from; step <= to; step++) {
    for (const record of completionsOf(run, step)) completions += `${JSON.stringify(record)}\n`;
    const evaluated = step % evalSteps === 0 ? evaluationOf(step, run.steps) : {};
    metrics += `${JSON.stringify({ ...metricsOf(step, run.steps), ...evaluated })}\n`;
  }
  appendFileSync(join(folder, 'completions.jsonl'), completions);
  appendFileSync(join(folder, 'metrics.jsonl'), metrics);
}

export function appendDiagnosis(folder: string, step: number, more: Record<string, unknown> = {}): void {
  const line = {
    step,
    diagnosis: 'kl_runaway',
    title: 'KL running away',
    event: 'begins',
    level: 'warning',
    evidence: 'the KL to the reference is 1.2 nats a token',
    remedies: ['lower --learning-rate'],
    metric: 'kl',
    ...more,
  };
  appendFileSync(join(folder, 'metrics.jsonl'), `${JSON.stringify(line)}\n`);
}

export function writeSummary(folder: string, steps: number): void {
  const summary = { steps, interrupted: false, seconds: steps * 0.2, parameters: 1e6, peak_memory: 5e8 };
  writeFileSync(join(folder, 'summary.json'), JSON.stringify(summary));
}

function metricsOf(step: number, steps: number) {
  const done = step / steps;
  return {
    step,
    epoch: done * 10,
    learning_rate: 1e-3 * (1 - done),
    reward: -1 + 2 * done + 0.1 * Math.sin(step),
    accuracy: done,
    kl: 0.5 * done,
    entropy: 1 - done,
    grad_norm: 1 + Math.cos(step) / 2,
    loss: 0.1,
    frac_reward_zero_std: 0.25,
    frac_all_right: 0.1,
    coverage: 0.9,
    pass_at_1_low: 0.8 * done,
    pass_at_1_high: 0.8 * done + 0.1,
    frac_informative_groups: 0.75,
    frac_problems_seen: done,
    'completions/mean_length': 3,
    'completions/max_length': 6,
    'tokens/computed': 1000,
    'time/sample': 0.05,
    'time/train': 0.04,
    step_time: 0.1,
  };
}

function evaluationOf(step: number, steps: number) {
  const accuracy = 0.2 + (0.6 * step) / steps;
  return {
    'eval/accuracy': accuracy,
    'eval/accuracy_low': accuracy - 0.05,
    'eval/accuracy_high': accuracy + 0.05,
  };
}

function completionsOf(run: MadeRun, step: number): CompletionRecord[] {
  const { promptsPerStep, problems } = { ...DEFAULTS, ...run };
  return Array.from(
    { length: promptsPerStep },
    (_, i) => ((step - 1) * promptsPerStep + i) % problems,
  ).flatMap((problem) => {
    const done = step / run.steps;
    const prompt = run.prompt?.(problem) ?? `Calculate: ${problem} + 1 = `;
    const right: CompletionRecord = {
      step,
      prompt,
      answer: String(problem + 1),
      completion: run.text?.(step, problem) ?? String(problem + 1),
      extracted: String(problem + 1),
      length: 2,
      ended: 'eos',
      reward: 1,
      advantage: 1,
      correct: true,
      count: 4,
      logps: [-0.3, -0.5],
    };
    right.tokens = [right.completion.length, 0];
    const wrong: CompletionRecord = {
      ...right,
      completion: `${problem} no`,
      extracted: String(problem),
      reward: -1,
      advantage: -1,
      correct: false,
      logps: [-1.5, -2.3],
      tokens: [1, 3],
    };
    const learned = problem / problems < done - 0.25;
    const hopeless = problem / problems > done + 0.5;
    const sure = { count: 8, logps: [-0.02, -0.03] };
    if (learned) return [{ ...right, ...sure }];
    return hopeless ? [{ ...wrong, ...sure }] : [right, wrong];
  });
}
