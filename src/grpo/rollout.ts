/**
 * The first half of a step, which makes a rollout: prompts -> completions -> rewards -> advantages, and the
 * log-probs of the completions under the reference model. Completions lie prompt after prompt, `numGenerations`
 * of each.
 */
import { judge } from '../data/rewards/judge.js';
import type { NamedReward } from '../data/rewards/load.js';
import type { GrpoOptions } from './options.js';
import type { SampledCompletion, SampleOptions } from '../model/language-model.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Batch } from '../engine/types.js';
import type { Completion, Problem, StopRule } from '../data/tasks/task.js';
import { computeAdvantages, type Advantages } from './advantages/index.js';
import type { AdvantageFunction } from './advantages/types.js';
import type { ReferenceCache } from './reference-cache.js';
import { sampleInParts, scoreInParts, sliceBatch, type Split } from './split.js';

export interface RolloutCompletion extends Pick<SampledCompletion, 'text' | 'ended'> {
  problem: Problem;
  /** Number of tokens. */
  length: number;
  correct: boolean;
  /** The answer that the task reads from the text. */
  extracted: string;
  /** `[functions]` The value of each reward function; NaN where the function returned null. */
  rewards: number[];
}

/** The completions sampled for a step, with their rewards, advantages and log-probs. */
export interface Rollout {
  /** The step that it was sampled for. */
  step: number;
  /** Token ids of prompts and completions, for the engine. */
  batch: Batch;
  /** `[completions]` */
  completions: RolloutCompletion[];
  /** Advantages of these completions, computed over all that were sampled together. */
  advantages: Advantages;
  /**
   * Log-probability of each completion token under the reference model, nats: `[tokens]`; absent when beta is
   * 0.
   */
  refLogps: Float32Array | undefined;
  /**
   * Log-probability of each completion token under the policy that sampled it (log pi_old), nats: `[tokens]`.
   * NaN until the first forward pass of training fills it in.
   */
  oldLogps: Float32Array;
  /** Distinct tokens (nodes of the token tree) that were forwarded for it. */
  computed: number;
  seconds: { sample: number; reward: number; reference: number };
}

/** What rollouts need and what stays the same from step to step. */
export interface RolloutContext {
  model: TrainableModel;
  split: Split;
  options: GrpoOptions;
  /** Problems of the training split; a prompt's index here is its identity. */
  problems: Problem[];
  rewards: NamedReward[];
  advantages: AdvantageFunction;
  isCorrect: (completion: Completion, reward: number) => boolean;
  extract: (completion: string, problem: Problem) => string;
  stop: StopRule | undefined;
  reference: ReferenceCache | undefined;
  signal: AbortSignal | undefined;
  onPhase: ((phase: string, step: number) => void) | undefined;
}

/**
 * Makes the rollout of a step: samples completions, judges them, and scores them by the reference model.
 * @param indices positions in `context.problems` of the problems to sample for
 * @param parts number of optimiser steps that will each learn from a part of the rollout, one after another
 */
export async function collect(
  context: RolloutContext,
  indices: number[],
  step: number,
  parts = 1,
): Promise<Rollout> {
  const { model, split, options, stop, signal, onPhase } = context;
  const clock = stopwatch();
  const problems = indices.map((index) => context.problems[index]!);
  const prompts = problems.map(({ prompt }) => model.tokenizer.encodePrompt(prompt));

  onPhase?.('sampling', step);
  const sampling: SampleOptions = {
    prompts,
    promptIndices: drawIndices(indices, context.problems.length),
    numGenerations: options.numGenerations,
    maxCompletionLength: options.maxCompletionLength,
    seed: options.seed,
    step,
    temperature: options.temperature,
    topK: options.topK,
    topP: options.topP,
    minP: options.minP,
    repetitionPenalty: options.repetitionPenalty,
    // Accumulation and splitting are there to hold fewer activations at once, so then none are kept.
    keepActivations: options.gradientAccumulationSteps * parts * split.parts.learn === 1,
    ...(stop && { stop: (text, prompt, drawn) => stop(text, problems[prompt]!, drawn) }),
    ...(signal && { signal }),
  };
  const samples = await split.run('sample', prompts.length * options.numGenerations, (samplingParts) =>
    sampleInParts(model, sampling, samplingParts),
  );
  const sampleSeconds = clock();

  onPhase?.('judging', step);
  const judged = samples.completions.map(({ text, prompt }): Completion => {
    const problem = problems[prompt]!;
    return { prompt: problem.prompt, completion: text, answer: problem.answer, problem };
  });
  const perFunction: number[][] = [];
  for (const { name, reward } of context.rewards)
    perFunction.push(
      await judge(reward, judged, {
        step,
        timeout: options.rewardTimeout,
        signal,
        ...(context.rewards.length > 1 && { name }),
      }),
    );
  const advantages = computeAdvantages(perFunction, options, context.advantages);
  const rewardSeconds = clock();

  const batch: Batch = {
    prompts,
    completions: samples.completions.map(({ ids }) => ids),
    promptOf: Int32Array.from(samples.completions, ({ prompt }) => prompt),
  };
  const tokens = batch.completions.reduce((sum, ids) => sum + ids.length, 0);
  let oldLogps: Float32Array = new Float32Array(tokens).fill(NaN);
  let computed = samples.computed;
  if (parts > 1) {
    // The later steps are taken by a policy that has changed, so the log-probs of the one that sampled are
    // needed.
    onPhase?.('scoring', step);
    const scores = await split.run('score', batch.completions.length, (scoringParts) =>
      scoreInParts(model, batch, { temperature: options.temperature }, scoringParts),
    );
    oldLogps = scores.logps;
    computed += scores.computed;
  }
  let refLogps: Float32Array | undefined;
  if (context.reference) {
    onPhase?.('scoring by the reference model', step);
    const scores = await context.reference.logps({ ...batch, promptIndices: indices }, step);
    refLogps = scores.logps;
    computed += scores.computed;
  }
  return {
    step,
    batch,
    completions: samples.completions.map(({ text, ended, prompt, ids }, i) => ({
      text,
      ended,
      problem: problems[prompt]!,
      length: ids.length,
      correct: context.isCorrect(judged[i]!, advantages.rewards[i]!),
      extracted: context.extract(text, problems[prompt]!),
      rewards: perFunction.map((values) => values[i]!),
    })),
    advantages,
    refLogps,
    oldLogps,
    computed,
    seconds: { sample: sampleSeconds, reward: rewardSeconds, reference: clock() },
  };
}

/**
 * The index that decides a prompt's random draws: its position among the problems. A prompt that comes again in
 * the same rollout gets another index, and so other draws.
 */
function drawIndices(indices: number[], problems: number): number[] {
  const seen = new Map<number, number>();
  return indices.map((index) => {
    const times = seen.get(index) ?? 0;
    seen.set(index, times + 1);
    return index + times * problems;
  });
}

/**
 * A part of a rollout, made of whole groups: a micro-batch, or what one optimiser step learns from. Its
 * arrays of numbers are views: `oldLogps` that are filled in there are filled in in the whole rollout.
 */
export function partOf(rollout: Rollout, part: number, parts: number): Rollout {
  if (parts === 1) return rollout;
  const { batch, completions, advantages, refLogps, oldLogps } = rollout;
  const size = completions.length / parts;
  const from = part * size;
  const to = from + size;
  const before = (count: number) => completions.slice(0, count).reduce((sum, { length }) => sum + length, 0);
  const [first, last] = [before(from), before(to)];
  return {
    ...rollout,
    batch: sliceBatch(batch, from, to),
    completions: completions.slice(from, to),
    advantages: {
      values: advantages.values.subarray(from, to),
      rewards: advantages.rewards.subarray(from, to),
      flat: advantages.flat.slice(from, to),
    },
    refLogps: refLogps?.subarray(first, last),
    oldLogps: oldLogps.subarray(first, last),
  };
}

/** Number of completion tokens. */
export const sampledTokens = ({ completions }: Rollout): number =>
  completions.reduce((sum, { length }) => sum + length, 0);

/** Number of prompt and completion tokens as TRL counts them: a prompt counts once for each completion. */
export const trlTokens = (rollout: Rollout): number =>
  sampledTokens(rollout) +
  rollout.batch.promptOf.reduce((sum, prompt) => sum + rollout.batch.prompts[prompt]!.length, 0);

/** A clock; each call gives the seconds since the call before. */
export function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}
