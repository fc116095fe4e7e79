/** How often a model is right on problems, with an interval that says how sure that is. */
import type { Completion, Problem, RewardFunction, StopRule, Task } from '../data/tasks/task.js';
import type { Metrics, RunMetricName } from '../grpo/metrics.js';
import type { Sampler } from '../model/trainable.js';
import type { SampledCompletion, SampleOptions } from '../model/language-model.js';
import { encodePrompt } from '../model/positions.js';
import { judge } from '../data/rewards/judge.js';
import { Split, sampleInParts } from '../grpo/split.js';
import { wilson } from '../common/interval.js';

/** How many of some problems were right. */
export interface Accuracy {
  correct: number;
  total: number;
  accuracy: number;
  /** 95% Wilson interval. */
  low: number;
  high: number;
}

export interface Evaluation extends Accuracy {
  /** Of each task, where several are mixed. */
  tasks?: Record<string, Accuracy>;
  /** Mean reward, over the completions that the reward had something to say of. */
  reward: number;
  /** 0: the most likely token each time. */
  temperature: number;
  /** Tokens of a completion. */
  meanLength: number;
  seconds: number;
}

export interface EvaluateOptions {
  task: Task;
  /** In place of the task's own. */
  reward?: RewardFunction | undefined;
  /** Seconds that it may take for a batch; 0: no limit. */
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
  /** Prompts sampled together. */
  batchSize?: number;
  /** How sampling is split where memory runs out. */
  inParts?: Split;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
  onCompletion?: (
    completion: Completion & { reward: number; correct: boolean; ended: SampledCompletion['ended'] },
  ) => void;
}

/** @throws {GrpoError} PROMPT_EMPTY, PROMPT_TOO_LONG, before anything is sampled */
export async function evaluate(model: Sampler, options: EvaluateOptions): Promise<Evaluation> {
  const { task, problems, temperature = 0, batchSize = 64, inParts = new Split() } = options;
  const start = performance.now();
  const prompts = problems.map(({ prompt }) => encodePrompt(model, prompt, options.maxCompletionLength));
  const right: boolean[] = [];
  const said: number[] = [];
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
      if (!Number.isNaN(rewards[i]!)) said.push(rewards[i]!);
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
    reward: said.length > 0 ? said.reduce((sum, reward) => sum + reward, 0) / said.length : 0,
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

/** As a step's row has them. */
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

/** The columns of an evaluation on several tasks. */
export const taskColumns = (names: readonly string[]): RunMetricName[] =>
  names.flatMap((name): RunMetricName[] => [
    `eval/${name}/accuracy`,
    `eval/${name}/accuracy_low`,
    `eval/${name}/accuracy_high`,
  ]);
