/**
 * `bench gradients`: bias, variance and cosine of the gradient's estimators against the true gradient, beside the
 * distinct tokens that each has to forward.
 */
import { LanguageModel } from '../../src/model/language-model.js';
import { loadDataset, loadTask } from '../../src/data/tasks/index.js';
import { trainOptions } from '../../src/experiments/train.js';
import { stopRule } from '../../src/grpo/stop.js';
import { permutation } from '../../src/grpo/batches.js';
import { mean } from '../statistics.js';
import { distributionOf } from './distribution.js';
import { errorsOf, WAYS, type Errors } from './estimates.js';

/** Numbers of draws that are compared. */
const DRAWN = [4, 8, 16, 64, 256];
const SEEDS = 200;
const TEMPERATURE = 0.7;
const OTHER_TEMPERATURE = 1;

export interface GradientsReport {
  model: string;
  prompts: number;
  /** Prompts whose outcomes differ in reward: the others have no gradient. */
  informative: number;
  seeds: number;
  temperature: number;
  sampling_temperature: number;
  /** Mean over prompts of the policy's share that the outcomes are. */
  coverage: number;
  /** Mean number of outcomes of a prompt. */
  outcomes: number;
  rows: ({ way: string; draws: number } & Errors)[];
}

export interface GradientsOptions {
  model: string;
  prompts: number;
  threads: number;
  onProgress?: (what: string, done: number, total: number) => void;
}

export async function benchGradients(options: GradientsOptions): Promise<GradientsReport> {
  const { prompts, threads, onProgress } = options;
  const run = trainOptions({ model: options.model, temperature: TEMPERATURE });
  const task = await loadTask('arithmetic');
  const { train } = await loadDataset(task, run);
  const stop = stopRule(run.stop, task);
  const model = await LanguageModel.load({ model: options.model, device: 'cpu', threads });
  try {
    const problems = permutation(train.length, run.seed, 0)
      .slice(0, prompts)
      .map((i) => train[i]!);
    const errors = new Map<string, Errors[]>();
    const coverages: number[] = [];
    const outcomes: number[] = [];
    for (const [i, problem] of problems.entries()) {
      onProgress?.('gradients', i, problems.length);
      const distribution = await distributionOf(model, problem.prompt, {
        temperature: TEMPERATURE,
        samplingTemperature: OTHER_TEMPERATURE,
        maxCompletionLength: run.maxCompletionLength,
        stop: stop && ((text) => stop(text, problem, text)),
      });
      coverages.push(distribution.coverage);
      outcomes.push(distribution.outcomes.length);
      const rewards = await Promise.resolve(
        task.reward(
          distribution.outcomes.map(({ text }) => ({
            prompt: problem.prompt,
            completion: text,
            answer: problem.answer,
            problem,
          })),
        ),
      );
      for (const way of WAYS)
        for (const draws of DRAWN) {
          const found = errorsOf(distribution, rewards as number[], way, draws, SEEDS);
          const key = JSON.stringify([way.name, draws]);
          if (found) errors.set(key, [...(errors.get(key) ?? []), found]);
        }
    }
    return {
      model: options.model,
      prompts: problems.length,
      informative: Math.max(0, ...[...errors.values()].map((all) => all.length)),
      seeds: SEEDS,
      temperature: TEMPERATURE,
      sampling_temperature: OTHER_TEMPERATURE,
      coverage: mean(coverages),
      outcomes: mean(outcomes),
      rows: [...errors].map(([key, all]) => {
        const [way, draws] = JSON.parse(key) as [string, number];
        const of = (name: keyof Errors) => mean(all.map((one) => one[name]));
        return {
          way,
          draws,
          bias: of('bias'),
          variance: of('variance'),
          cosine: of('cosine'),
          nodes: of('nodes'),
        };
      }),
    };
  } finally {
    await model.dispose();
  }
}

/** As a markdown table: for each way and number of draws, cosine, bias, variance and tokens. */
export function gradientsText(report: GradientsReport): string {
  const { rows, prompts, informative, coverage, outcomes, seeds } = report;
  const lines = [
    `gradients: ${report.model}, ${informative} of ${prompts} problems with outcomes right and wrong, ${outcomes.toFixed(0)} outcomes each, ${(100 * coverage).toFixed(1)}% of the policy at ${report.temperature}; ${seeds} groups each`,
    '',
    '| estimator | draws | cosine | bias | variance | distinct tokens |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ({ way, draws, cosine, bias, variance, nodes }) =>
        `| ${way} | ${draws} | ${cosine.toFixed(3)} | ${bias.toFixed(3)} | ${variance.toPrecision(3)} | ${nodes.toFixed(1)} |`,
    ),
  ];
  return lines.join('\n');
}
