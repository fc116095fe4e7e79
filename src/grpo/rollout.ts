/**
 * The first half of a step: prompts -> completions -> rewards -> advantages, and what the
 * frozen reference thinks of them. Completions lie prompt after prompt, G of each.
 */
import { judge } from '../rewards/judge.js';
import type { TrainOptions } from '../config/train-options.js';
import type { SampledCompletion } from '../model/language-model.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Batch } from '../native/types.js';
import type { Completion, Problem, RewardFunction, StopRule } from '../tasks/task.js';
import { computeAdvantages, type Advantages } from './advantages.js';
import type { ReferenceCache } from './reference-cache.js';

export interface Rollout {
  /** Step it was sampled for. */
  step: number;
  /** Completions of all prompts, for the engine. */
  batch: Batch;
  /** `[completions]` */
  completions: (Pick<SampledCompletion, 'text' | 'ended'> & { problem: Problem; length: number })[];
  /** `[completions]` */
  rewards: number[];
  /** Share of right answers. */
  accuracy: number;
  advantages: Advantages;
  /** log pi_ref of each completion token, completions one after another; absent when beta is 0. */
  refLogps: Float32Array | undefined;
  /** log pi of each token when it was sampled; known after the first iteration's forward. */
  oldLogps: Float32Array | undefined;
  /** Distinct tokens forwarded to make it. */
  computed: number;
  /** Prompt and completion tokens as TRL counts them: the prompt once a completion. */
  tokens: number;
  /** Completion tokens. */
  sampled: number;
  seconds: { sample: number; reward: number; reference: number };
}

export interface RolloutContext {
  model: TrainableModel;
  options: TrainOptions;
  /** Problems of the training split; a prompt's index here is its identity. */
  problems: Problem[];
  reward: RewardFunction;
  isCorrect: (completion: Completion, reward: number) => boolean;
  stop: StopRule | undefined;
  reference: ReferenceCache | undefined;
  signal: AbortSignal | undefined;
  onPhase: ((phase: string, step: number) => void) | undefined;
}

/** @param indices of the step's problems */
export async function collect(context: RolloutContext, indices: number[], step: number): Promise<Rollout> {
  const { model, options, stop, signal, onPhase } = context;
  const clock = stopwatch();
  const problems = indices.map((index) => context.problems[index]!);
  const prompts = problems.map(({ prompt }) => model.tokenizer.encode(prompt));

  onPhase?.('sampling', step);
  const samples = await model.sample({
    prompts,
    promptIndices: indices,
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
    keepActivations: options.gradientAccumulationSteps === 1,
    ...(stop && { stop: (text, prompt) => stop(text, problems[prompt]!) }),
    ...(signal && { signal }),
  });
  const sampleSeconds = clock();

  onPhase?.('judging', step);
  const judged = samples.completions.map(({ text, prompt }): Completion => {
    const problem = problems[prompt]!;
    return { prompt: problem.prompt, completion: text, answer: problem.answer, problem };
  });
  const rewards = await judge(context.reward, judged, { step });
  const advantages = computeAdvantages(rewards, options.numGenerations, options.scaleRewards);
  const rewardSeconds = clock();

  const batch: Batch = {
    prompts,
    completions: samples.completions.map(({ ids }) => ids),
    promptOf: Int32Array.from(samples.completions, ({ prompt }) => prompt),
  };
  let refLogps: Float32Array | undefined;
  let computed = samples.computed;
  if (context.reference) {
    onPhase?.('asking the reference', step);
    const scores = await context.reference.logps({ ...batch, promptIndices: indices }, step);
    refLogps = scores.logps;
    computed += scores.computed;
  }
  const sampled = batch.completions.reduce((sum, ids) => sum + ids.length, 0);
  return {
    step,
    batch,
    completions: samples.completions.map(({ text, ended, prompt, ids }) => ({
      text,
      ended,
      problem: problems[prompt]!,
      length: ids.length,
    })),
    rewards,
    accuracy:
      judged.filter((completion, i) => context.isCorrect(completion, rewards[i]!)).length / judged.length,
    advantages,
    refLogps,
    oldLogps: undefined,
    computed,
    tokens: sampled + batch.promptOf.reduce((sum, prompt) => sum + prompts[prompt]!.length, 0),
    sampled,
    seconds: { sample: sampleSeconds, reward: rewardSeconds, reference: clock() },
  };
}

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
