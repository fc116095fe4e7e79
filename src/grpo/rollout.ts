/**
 * The first half of a step: prompts -> completions -> rewards -> advantages, and what the
 * frozen reference thinks of them. Completions lie prompt after prompt, G of each.
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
  /** Tokens. */
  length: number;
  correct: boolean;
  /** What it answers. */
  extracted: string;
  /** Of each reward function; NaN where it had nothing to say. */
  rewards: number[];
}

export interface Rollout {
  /** Step it was sampled for. */
  step: number;
  /** Completions of all prompts, for the engine. */
  batch: Batch;
  /** `[completions]` */
  completions: RolloutCompletion[];
  /** Of all the completions that were sampled together. */
  advantages: Advantages;
  /** log pi_ref of each completion token, completions one after another; absent when beta is 0. */
  refLogps: Float32Array | undefined;
  /** log pi of each token when it was sampled; NaN until known, which the policy's own first forward makes it. */
  oldLogps: Float32Array;
  /** Distinct tokens forwarded to make it. */
  computed: number;
  seconds: { sample: number; reward: number; reference: number };
}

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
 * @param indices of the problems to sample for
 * @param parts optimiser steps that will learn from them, one after another
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
    // Who forwards in parts wants to hold less at once.
    keepActivations: options.gradientAccumulationSteps * parts * split.parts.learn === 1,
    ...(stop && { stop: (text, prompt, drawn) => stop(text, problems[prompt]!, drawn) }),
    ...(signal && { signal }),
  };
  const samples = await split.run('sample', prompts.length * options.numGenerations, (pieces) =>
    sampleInParts(model, sampling, pieces),
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
    // The later steps learn from what an earlier policy sampled.
    onPhase?.('scoring', step);
    const scores = await split.run('score', batch.completions.length, (pieces) =>
      scoreInParts(model, batch, { temperature: options.temperature }, pieces),
    );
    oldLogps = scores.logps;
    computed += scores.computed;
  }
  let refLogps: Float32Array | undefined;
  if (context.reference) {
    onPhase?.('asking the reference', step);
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

/** Which draws a prompt gets: those of its identity, or, where it comes again, others. */
function drawIndices(indices: number[], problems: number): number[] {
  const seen = new Map<number, number>();
  return indices.map((index) => {
    const times = seen.get(index) ?? 0;
    seen.set(index, times + 1);
    return index + times * problems;
  });
}

/** The part of whole groups that is learned from at once; what is filled in there is filled in in the whole. */
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

/** Completion tokens. */
export const sampledTokens = ({ completions }: Rollout): number =>
  completions.reduce((sum, { length }) => sum + length, 0);

/** Prompt and completion tokens as TRL counts them: the prompt once a completion. */
export const trlTokens = (rollout: Rollout): number =>
  sampledTokens(rollout) +
  rollout.batch.promptOf.reduce((sum, prompt) => sum + rollout.batch.prompts[prompt]!.length, 0);

/** Seconds since the last call. */
export function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}
