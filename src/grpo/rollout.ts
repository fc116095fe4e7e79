/**
 * The first half of a step, which makes a rollout: prompts -> completions -> rewards -> advantages, and the
 * log-probs of the completions under the reference model. Completions lie prompt after prompt, `numGenerations`
 * of each.
 */
import { judge } from '../data/rewards/judge.js';
import type { Rules } from '../data/rewards/rules.js';
import type { NamedReward } from '../data/rewards/types.js';
import type { GrpoOptions } from './options.js';
import type { SampledCompletion, SampleOptions } from '../model/language-model.js';
import { sliceBatch, tokensIn } from '../model/batch.js';
import { hasConversation } from '../model/message.js';
import { promptIds } from '../model/positions.js';
import { once, type TrainableModel } from '../model/trainable.js';
import type { Batch } from '../engine/types.js';
import type { Completion, Problem, StopRule } from '../data/tasks/task.js';
import { computeAdvantages, type Advantages } from './advantages/index.js';
import type { AdvantageFunction } from './advantages/types.js';
import { firstOccurrences, knowledgeOf, type GroupKnowledge } from './estimators/groups.js';
import type { DrawnGroups } from './estimators/types.js';
import type { ProblemSampler } from './problem-sampling/types.js';
import type { ReferenceCache } from './reference-cache.js';
import { mostSamplingParts, sampleInParts, scoreInParts, type Split } from './split.js';

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
  /** `[groups]` what the exact probabilities of its distinct completions tell. */
  knowledge: GroupKnowledge[];
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
  /** Which completions are right under these rewards, and how an answer is read. */
  rules: Pick<Rules, 'isCorrect' | 'extract'>;
  stop: StopRule | undefined;
  reference: ReferenceCache | undefined;
  signal: AbortSignal | undefined;
  onPhase: ((phase: string, step: number) => void) | undefined;
}

/** Completions of some problems with their rewards, group after group. */
interface Drawn {
  /** `[groups]` positions in `context.problems`. */
  positions: number[];
  /** `[groups]` token ids. */
  prompts: Int32Array[];
  /** `[completions]` */
  completions: Omit<SampledCompletion, 'prompt'>[];
  /** `[completions]` as reward functions see them. */
  judged: Completion[];
  /** `[functions][completions]` */
  rewards: number[][];
  computed: number;
  seconds: { sample: number; reward: number };
}

/**
 * Makes the rollout of a step: chooses problems, samples completions, judges them, and scores them by the
 * reference model.
 * @param count number of problems
 * @param parts number of optimiser steps that will each learn from a part of the rollout, one after another
 */
export async function collect(
  context: RolloutContext,
  sampler: ProblemSampler,
  step: number,
  count: number,
  parts = 1,
): Promise<Rollout> {
  const { model, split, options, onPhase } = context;
  const { numGenerations } = options;
  const drawn = await drawGroups(context, sampler, step, count, parts);
  const { prompts, completions, judged } = drawn;
  const probabilities = drawnGroups(completions, numGenerations);
  const advantages = computeAdvantages(drawn.rewards, options, context.advantages, probabilities);
  const valuesOf = (i: number) => drawn.rewards.map((values) => values[i]!);
  const correct = judged.map((completion, i) =>
    context.rules.isCorrect(completion, valuesOf(i), advantages.rewards[i]!),
  );
  const knowledge = knowledgeOf(probabilities, correct);
  sampler.observe(step, drawn.positions, knowledge);
  const clock = stopwatch();

  const batch: Batch = {
    prompts,
    completions: completions.map(({ ids }) => ids),
    promptOf: Int32Array.from(completions, (_, i) => Math.floor(i / numGenerations)),
  };
  const tokens = tokensIn(batch.completions);
  let oldLogps: Float32Array = new Float32Array(tokens).fill(NaN);
  let computed = drawn.computed;
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
    const scores = await context.reference.logps({ ...batch, promptIndices: drawn.positions }, step);
    refLogps = scores.logps;
    computed += scores.computed;
  }
  return {
    step,
    batch,
    completions: completions.map(({ text, ended, ids }, i) => {
      const { problem } = judged[i]!;
      return {
        text,
        ended,
        problem,
        length: ids.length,
        correct: correct[i]!,
        extracted: context.rules.extract(text, problem),
        rewards: valuesOf(i),
      };
    }),
    advantages,
    knowledge,
    refLogps,
    oldLogps,
    computed,
    seconds: { ...drawn.seconds, reference: clock() },
  };
}

/**
 * Samples for as many problems as a rollout has. With `problem_sampling` dynamic, groups without spread make
 * room for those of further problems, until all have spread or enough was tried (DAPO, Yu et al. 2025,
 * arXiv:2503.14476, equation 11).
 */
async function drawGroups(
  context: RolloutContext,
  sampler: ProblemSampler,
  step: number,
  count: number,
  parts: number,
): Promise<Drawn> {
  const { options } = context;
  const times = new Map<number, number>();
  const more = () => draw(context, sampler.choose(step, count), times, step, parts);
  let drawn = await more();
  if (options.problemSampling !== 'dynamic') return drawn;
  let informative = withSpread(drawn, options);
  for (let round = 1; round < options.dynamicSamplingRounds && informative.length < count; round++) {
    drawn = joined(drawn, await more());
    informative = withSpread(drawn, options);
  }
  // Filled up with the last of the others.
  const kept = informative.slice(0, count);
  const others = drawn.positions.map((_, group) => group).filter((group) => !kept.includes(group));
  return chosen(
    drawn,
    [...kept, ...others.slice(others.length - (count - kept.length))],
    options.numGenerations,
  );
}

/** Positions of the groups whose rewards are not all equal. */
function withSpread(drawn: Drawn, options: GrpoOptions): number[] {
  const { flat } = computeAdvantages(drawn.rewards, { ...options, scaleRewards: 'group' });
  return drawn.positions.flatMap((_, group) => (flat[group * options.numGenerations] ? [] : [group]));
}

/** Samples completions of the problems at `positions` and judges them. */
async function draw(
  context: RolloutContext,
  positions: number[],
  times: Map<number, number>,
  step: number,
  parts: number,
): Promise<Drawn> {
  const { model, split, options, stop, signal, onPhase } = context;
  const clock = stopwatch();
  const problems = positions.map((position) => context.problems[position]!);
  const prompts = problems.map((problem) => promptIds(model, problem));

  onPhase?.('sampling', step);
  const sampling: SampleOptions = {
    prompts,
    promptIndices: drawIndices(positions, context.problems.length, times),
    numGenerations: options.numGenerations,
    maxCompletionLength: options.maxCompletionLength,
    seed: options.seed,
    step,
    temperature: options.temperature,
    samplingTemperature: options.samplingTemperature ?? options.temperature,
    samplingMethod: options.samplingMethod,
    samplingCoverage: options.samplingCoverage,
    topK: options.topK,
    topP: options.topP,
    minP: options.minP,
    repetitionPenalty: options.repetitionPenalty,
    endOfTurn: hasConversation(problems),
    // Accumulation and splitting are there to hold fewer activations at once, so then none are kept.
    keepActivations: options.gradientAccumulationSteps * parts * split.parts.learn === 1,
    ...(stop && { stop: (text, prompt, drawn) => stop(text, problems[prompt]!, drawn) }),
    ...(signal && { signal }),
  };
  const samples = await split.run('sample', mostSamplingParts(sampling), (samplingParts) =>
    sampleInParts(model, sampling, samplingParts),
  );
  const sampleSeconds = clock();

  onPhase?.('judging', step);
  const judged = samples.completions.map(({ text, prompt }) => {
    const problem = problems[prompt]!;
    return { prompt: problem.prompt, completion: text, answer: problem.answer, problem };
  });
  const rewards: number[][] = [];
  for (const { name, reward } of context.rewards)
    rewards.push(
      await once(model, () =>
        judge(reward, judged, {
          step,
          timeout: options.rewardTimeout,
          signal,
          ...(context.rewards.length > 1 && { name }),
        }),
      ),
    );
  return {
    positions,
    prompts,
    completions: samples.completions,
    judged,
    rewards,
    computed: samples.computed,
    seconds: { sample: sampleSeconds, reward: clock() },
  };
}

const joined = (a: Drawn, b: Drawn): Drawn => ({
  positions: [...a.positions, ...b.positions],
  prompts: [...a.prompts, ...b.prompts],
  completions: [...a.completions, ...b.completions],
  judged: [...a.judged, ...b.judged],
  rewards: a.rewards.map((values, k) => [...values, ...b.rewards[k]!]),
  computed: a.computed + b.computed,
  seconds: { sample: a.seconds.sample + b.seconds.sample, reward: a.seconds.reward + b.seconds.reward },
});

/** Some groups of what was drawn, with the costs of all. */
function chosen(drawn: Drawn, groups: number[], numGenerations: number): Drawn {
  const completionsOf = <T>(values: readonly T[]) =>
    groups.flatMap((group) => values.slice(group * numGenerations, (group + 1) * numGenerations));
  return {
    ...drawn,
    positions: groups.map((group) => drawn.positions[group]!),
    prompts: groups.map((group) => drawn.prompts[group]!),
    completions: completionsOf(drawn.completions),
    judged: completionsOf(drawn.judged),
    rewards: drawn.rewards.map(completionsOf),
  };
}

/** Exact probabilities of completions under the policy that sampled them, at its training temperature. */
const drawnGroups = (completions: Drawn['completions'], numGenerations: number): DrawnGroups => ({
  numGenerations,
  logps: Float64Array.from(completions, ({ logps }) => logps.reduce((sum, logp) => sum + logp, 0)),
  first: firstOccurrences(
    completions.map(({ ids }) => ids),
    numGenerations,
  ),
});

/**
 * The index that decides a prompt's random draws: its position among the problems. A prompt that comes again in
 * the same rollout gets another index, and so other draws.
 * @param times how often each position came before in the rollout; counted on
 */
function drawIndices(positions: number[], problems: number, times: Map<number, number>): number[] {
  return positions.map((position) => {
    const before = times.get(position) ?? 0;
    times.set(position, before + 1);
    return position + before * problems;
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
  const groups = rollout.knowledge.length / parts;
  return {
    ...rollout,
    batch: sliceBatch(batch, from, to),
    completions: completions.slice(from, to),
    knowledge: rollout.knowledge.slice(part * groups, (part + 1) * groups),
    advantages: {
      values: advantages.values.subarray(from, to),
      weights: advantages.weights?.subarray(from, to) ?? null,
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
