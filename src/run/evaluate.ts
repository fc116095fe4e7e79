/** Evaluation: a model's accuracy on problems, with a 95% confidence interval. */
import type { Completion, Problem, RewardFunction, StopRule, Task } from '../data/tasks/task.js';
import type { Metrics, RunMetricName } from '../grpo/metrics.js';
import { once, type Sampler } from '../model/trainable.js';
import type { SampledCompletion, SampleOptions } from '../model/language-model.js';
import { hasConversation } from '../model/message.js';
import { encodePrompt } from '../model/positions.js';
import { judge } from '../data/rewards/judge.js';
import { ownReward, rulesOf } from '../data/rewards/rules.js';
import { weightedSum } from '../data/rewards/combine.js';
import type { NamedReward } from '../data/rewards/types.js';
import { Split, sampleInParts } from '../grpo/split.js';
import { wilson } from '../common/interval.js';

/** Right answers of a model on some problems. */
export interface Accuracy {
  /** Problems answered right. */
  correct: number;
  /** Problems asked. */
  total: number;
  /** Their share, from 0 to 1. */
  accuracy: number;
  /** Lower bound of its 95% Wilson interval. */
  low: number;
  /** Upper bound of it. */
  high: number;
}

/** What an evaluation measured: one completion for each problem. */
export interface Evaluation extends Accuracy {
  /** By name of the task, where several are mixed. */
  tasks?: Record<string, Accuracy>;
  /** Mean reward, over the completions that the reward function judged. */
  reward: number;
  /** Of several reward functions by name: the mean of what each gave, over the completions that it judged. */
  rewards?: Record<string, number>;
  /** That the completions were sampled with; 0: the most likely token each time. */
  temperature: number;
  /** Mean length of a completion, tokens. */
  meanLength: number;
  /** Wall-clock time. */
  seconds: number;
}

/** Problems, how they are answered, and who judges. */
export interface EvaluateOptions {
  /** Says which completions are right, and how to reward them. */
  task: Task;
  /** Reward functions in place of the task's own: one, or those of `loadRewards`, which add up. */
  reward?: RewardFunction | readonly NamedReward[] | undefined;
  /** Weight of each of several reward functions; null (default): 1 each. */
  rewardWeights?: readonly number[] | null;
  /** Seconds that each reward function may take for a batch; 0 (default): no limit. */
  rewardTimeout?: number;
  /** Problems to ask, one completion each. */
  problems: Problem[];
  /** Ends a completion early; `task.stop` ends it where its answer is decided. */
  stop?: StopRule | undefined;
  /** Most tokens of a completion. */
  maxCompletionLength: number;
  /** Softmax temperature; 0 (default): the most likely token each time. */
  temperature?: number;
  /** Only the K most likely tokens; 0 (default): all. */
  topK?: number;
  /** Nucleus sampling: only the most likely tokens that make up this probability; 1 (default): all. */
  topP?: number;
  /** Only tokens at least this share as likely as the most likely one; 0 (default): all. */
  minP?: number;
  /** Above 1, makes tokens that occurred less likely; 1 (default): off. */
  repetitionPenalty?: number;
  /** Decides the draws; default 0. */
  seed?: number;
  /** Prompts sampled together; default 64. */
  batchSize?: number;
  /** @internal How sampling is split where memory runs out. */
  inParts?: Split;
  /** Aborts between tokens, with the error `ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Called after each batch with the problems done and their total. */
  onProgress?: (done: number, total: number) => void;
  /** Called with each completion, judged. */
  onCompletion?: (completion: EvaluatedCompletion) => void;
}

/** A completion of an evaluation, judged. */
export interface EvaluatedCompletion extends Completion {
  /** What the reward function gave; NaN where it had nothing to say. */
  reward: number;
  /** Whether it is right. */
  correct: boolean;
  /** What ended it: an end of sequence or of turn, the stop rule, or its greatest length. */
  ended: SampledCompletion['ended'];
}

/**
 * How often a model is right: one completion for each problem, judged by the task.
 *
 * @throws {GrpoError} before anything is sampled: PROMPT_EMPTY, PROMPT_TOO_LONG, CHAT_TEMPLATE_MISSING,
 * CHAT_TEMPLATE_FAILED; then the codes of rewards
 * (REWARD_FAILED, REWARD_COUNT, REWARD_NOT_FINITE, REWARD_TIMEOUT), ABORTED
 *
 * @example
 * ```ts
 * const model = await LanguageModel.load({ model: 'tiny' });
 * const task = await loadTask('arithmetic');
 * const problems = await loadSplit(task, 'held_out', 200);
 * const { accuracy, low, high } = await evaluate(model, { task, problems, stop: task.stop, maxCompletionLength: 16 });
 * ```
 */
export async function evaluate(model: Sampler, options: EvaluateOptions): Promise<Evaluation> {
  const { task, problems, temperature = 0, batchSize = 64, inParts = new Split() } = options;
  const start = performance.now();
  const rewards = rewardsOf(options.reward, task);
  const rules = rulesOf(task, rewards, options.rewardWeights);
  const prompts = problems.map((problem) => encodePrompt(model, problem, options.maxCompletionLength));
  const right: boolean[] = [];
  const givenRewards: number[] = [];
  const givenBy: number[][] = rewards.map(() => []);
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
      endOfTurn: hasConversation(part),
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
    const values: number[][] = [];
    for (const { name, reward } of rewards)
      values.push(
        await once(model, () =>
          judge(reward, judged, {
            name: rewards.length > 1 ? name : task.name,
            timeout: options.rewardTimeout,
            signal: options.signal,
          }),
        ),
      );
    values.forEach((own, k) => givenBy[k]!.push(...own.filter((value) => !Number.isNaN(value))));
    const sums = weightedSum(values, options.rewardWeights ?? null);
    judged.forEach((completion, i) => {
      const sum = sums[i]!;
      const correct = rules.isCorrect(
        completion,
        values.map((own) => own[i]!),
        sum,
      );
      right.push(correct);
      if (!Number.isNaN(sum)) givenRewards.push(sum);
      tokens += completions[i]!.ids.length;
      options.onCompletion?.({
        ...completion,
        reward: sum,
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
    reward: meanOf(givenRewards),
    ...(rewards.length > 1 && {
      rewards: Object.fromEntries(rewards.map(({ name }, k) => [name, meanOf(givenBy[k]!)])),
    }),
    temperature,
    meanLength: total > 0 ? tokens / total : 0,
    seconds: (performance.now() - start) / 1000,
  };
}

const meanOf = (values: readonly number[]): number =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;

const rewardsOf = (reward: EvaluateOptions['reward'], task: Task): readonly NamedReward[] =>
  reward === undefined
    ? [ownReward(task)]
    : typeof reward === 'function'
      ? [{ name: 'reward', reward }]
      : reward;

function accuracyOf(right: boolean[]): Accuracy {
  const correct = right.filter(Boolean).length;
  const total = right.length;
  return { correct, total, accuracy: total > 0 ? correct / total : 0, ...wilson(correct, total) };
}

/** The metrics of an evaluation, under their names in the metrics of a step. */
export function evaluationMetrics({
  accuracy,
  low,
  high,
  tasks = {},
  rewards = {},
}: Evaluation): Partial<Metrics> {
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
    ...Object.fromEntries(Object.entries(rewards).map(([name, mean]) => [evaluatedReward(name), mean])),
  };
}

/** The column of what a reward function gave in evaluations. */
export const evaluatedReward = (name: string) => `eval/rewards/${name}/mean` as const;

/** The columns of an evaluation on validation problems. */
export const VALIDATION_COLUMNS = [
  'val/accuracy',
  'val/accuracy_low',
  'val/accuracy_high',
  'val/reward',
] as const satisfies readonly RunMetricName[];

/** The metrics of an evaluation on validation problems. */
export const validationMetrics = ({ accuracy, low, high, reward }: Evaluation): Partial<Metrics> => ({
  'val/accuracy': accuracy,
  'val/accuracy_low': low,
  'val/accuracy_high': high,
  'val/reward': reward,
});

/** The columns of an evaluation on several tasks. */
export const taskColumns = (names: readonly string[]): RunMetricName[] =>
  names.flatMap((name): RunMetricName[] => [
    `eval/${name}/accuracy`,
    `eval/${name}/accuracy_low`,
    `eval/${name}/accuracy_high`,
  ]);
