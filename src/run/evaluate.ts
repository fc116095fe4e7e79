/** Evaluation: a model's accuracy on problems, with a 95% confidence interval. */
import type { Completion, Problem, RewardFunction, StopRule, Task } from '../data/tasks/task.js';
import type { Metrics } from '../grpo/metrics.js';
import type { Sampler } from '../model/trainable.js';
import type { SampledCompletion, SampleOptions } from '../model/language-model.js';
import { encodePrompt } from '../model/positions.js';
import { judge } from '../data/rewards/judge.js';
import { Split, sampleInParts } from '../grpo/split.js';
import { wilson } from '../common/interval.js';

/** The number and share of problems that were answered right. */
export interface Accuracy {
  correct: number;
  total: number;
  accuracy: number;
  /** Lower and upper end of the 95% Wilson interval. */
  low: number;
  high: number;
}

export interface Evaluation extends Accuracy {
  /** Accuracy on each task, where several are mixed. */
  tasks?: Record<string, Accuracy>;
  /** Mean reward, over the completions for which the reward function did not return null. */
  reward: number;
  /** Softmax temperature; 0: greedy decoding. */
  temperature: number;
  /** Mean number of tokens of a completion. */
  meanLength: number;
  seconds: number;
}

export interface EvaluateOptions {
  task: Task;
  /** Reward function to use in place of the task's own. */
  reward?: RewardFunction | undefined;
  /** Seconds that the reward function may take for a batch; 0: no limit. */
  rewardTimeout?: number;
  problems: Problem[];
  stop?: StopRule | undefined;
  maxCompletionLength: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  seed?: number;
  /** Number of prompts that are sampled together. */
  batchSize?: number;
  /** Divides sampling into parts where memory runs out. */
  inParts?: Split;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
  onCompletion?: (
    completion: Completion & { reward: number; correct: boolean; ended: SampledCompletion['ended'] },
  ) => void;
}

/**
 * Samples one completion of each problem and judges it.
 * @throws {GrpoError} PROMPT_EMPTY, PROMPT_TOO_LONG, before anything is sampled
 */
export async function evaluate(model: Sampler, options: EvaluateOptions): Promise<Evaluation> {
  const { task, problems, temperature = 0, batchSize = 64, inParts = new Split() } = options;
  const start = performance.now();
  const prompts = problems.map(({ prompt }) => encodePrompt(model, prompt, options.maxCompletionLength));
  const right: boolean[] = [];
  const givenRewards: number[] = [];
  let tokens = 0;
  for (let from = 0; from < problems.length; from += batchSize) {
    const part = problems.slice(from, from + batchSize);
    const sampling: SampleOptions = {
      prompts: prompts.slice(from, from + batchSize),
      promptIndices: part.map((_, i) => from + i),
      numGenerations: 1,
      maxCompletionLength: options.maxCompletionLength,
      temperature,
      topK: options.topK ?? 0,
      topP: options.topP ?? 1,
      minP: options.minP ?? 0,
      repetitionPenalty: options.repetitionPenalty ?? 1,
      seed: options.seed ?? 0,
      // Training counts steps from 1, so that no evaluation repeats its draws.
      step: 0,
      ...(options.stop && { stop: (text, prompt, drawn) => options.stop!(text, part[prompt]!, drawn) }),
      ...(options.signal && { signal: options.signal }),
    };
    const { completions } = await inParts.run('sample', part.length, (parts) =>
      sampleInParts(model, sampling, parts),
    );
    const judged = completions.map(({ text, prompt }): Completion => {
      const problem = part[prompt]!;
      return { prompt: problem.prompt, completion: text, answer: problem.answer, problem };
    });
    const rewards = await judge(options.reward ?? task.reward, judged, {
      name: task.name,
      timeout: options.rewardTimeout,
      signal: options.signal,
    });
    judged.forEach((completion, i) => {
      const correct = task.isCorrect?.(completion, rewards[i]!) ?? rewards[i]! > 0;
      right.push(correct);
      if (!Number.isNaN(rewards[i]!)) givenRewards.push(rewards[i]!);
      tokens += completions[i]!.ids.length;
      options.onCompletion?.({
        ...completion,
        reward: rewards[i]!,
        correct,
        ended: completions[i]!.ended,
      });
    });
    options.onProgress?.(from + part.length, problems.length);
  }
  const total = problems.length;
  const names = [...new Set(problems.map(({ task }) => task))].filter((name) => name !== undefined);
  return {
    ...accuracyOf(right),
    ...(names.length > 1 && {
      tasks: Object.fromEntries(
        names.map((name) => [name, accuracyOf(right.filter((_, i) => problems[i]!.task === name))]),
      ),
    }),
    reward:
      givenRewards.length > 0
        ? givenRewards.reduce((sum, reward) => sum + reward, 0) / givenRewards.length
        : 0,
    temperature,
    meanLength: total > 0 ? tokens / total : 0,
    seconds: (performance.now() - start) / 1000,
  };
}

function accuracyOf(right: boolean[]): Accuracy {
  const correct = right.filter(Boolean).length;
  const total = right.length;
  return { correct, total, accuracy: total > 0 ? correct / total : 0, ...wilson(correct, total) };
}

/** The metrics of an evaluation, under their names in the metrics of a step. */
export function evaluationMetrics({ accuracy, low, high, tasks = {} }: Evaluation): Partial<Metrics> {
  const ofTask = Object.entries(tasks).flatMap(([name, own]) => [
    [`eval/${name}/accuracy`, own.accuracy],
    [`eval/${name}/accuracy_low`, own.low],
    [`eval/${name}/accuracy_high`, own.high],
  ]);
  return {
    'eval/accuracy': accuracy,
    'eval/accuracy_low': low,
    'eval/accuracy_high': high,
    ...(Object.fromEntries(ofTask) as Partial<Metrics>),
  };
}
