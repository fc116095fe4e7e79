/**
 * GRPO (Shao et al. 2024, arXiv:2402.03300), one step after another:
 *
 *   prompts -> G completions of each -> rewards -> advantages within each group
 *           -> log-probs of the reference model (beta > 0)
 *           -> one or more optimiser steps: forward, loss, backward, AdamW
 *
 * Sampling and judging are `grpo/rollout.ts`, the gradient step is `grpo/learn.ts`; the run around the steps
 * (metrics, checkpoints, evaluation, resuming) is `session.ts`.
 * Left out on purpose: several processes, and completions of more than one turn.
 */
import type { NamedReward } from '../data/rewards/types.js';
import type { Dataset } from '../data/tasks/index.js';
import { EntropyBonus, type EntropyMemory } from '../grpo/adaptive-entropy.js';
import type { Batches } from '../grpo/batches.js';
import { learn } from '../grpo/learn.js';
import type { Metrics } from '../grpo/metrics.js';
import { problemSampler } from '../grpo/problem-sampling/index.js';
import type { ProblemMemory } from '../grpo/problem-sampling/types.js';
import { hasExactKl } from '../grpo/losses/kl.js';
import { ReferenceCache } from '../grpo/reference-cache.js';
import { recallRollout, rememberRollout, type RolloutMemory } from '../grpo/rollout-memory.js';
import { collect, partOf, type Rollout, type RolloutContext } from '../grpo/rollout.js';
import { learningRateAt } from '../grpo/schedule.js';
import { scoreInParts, type Split, type SplitMemory } from '../grpo/split.js';
import { rolloutCosts, stepMetrics } from '../grpo/step-metrics.js';
import { tokenDetails } from '../grpo/token-details.js';
import { expectedTensors, withoutWeightDecay } from '../model/tensor-names.js';
import type { Tokenizer } from '../model/tokenizer.js';
import type { TrainableModel } from '../model/trainable.js';
import type { JudgedCompletion } from './events.js';
import type { Checkpoint } from './folder/checkpoints.js';
import { copyReferenceCache, REFERENCE_CACHE } from './folder/fork.js';
import type { TrainExtras } from './extras.js';
import type { Method } from './method.js';
import type { Evaluate } from './stages/data.js';
import type { Place } from './stages/folder.js';
import type { Subject } from './stages/task.js';
import type { TrainOptions } from './train-options.js';

/** What a checkpoint keeps beside weights and the optimiser's moments; values that JSON has. */
export interface TrainMemory {
  /** Completions that later steps learn from too. */
  rollout?: RolloutMemory;
  entropy: EntropyMemory;
  /** What decides the choice of problems. */
  problems?: ProblemMemory;
  split: SplitMemory;
}

/** What the steps are made from. */
export interface GrpoStages {
  subject: Subject;
  dataset: Dataset;
  place: Pick<Place, 'run' | 'resumeFrom' | 'fork'>;
  model: TrainableModel;
  batches: Batches;
  /** How work is split where memory runs out. */
  split: Split;
  evaluate: Evaluate;
  /** On validation problems, where the run chooses by them. */
  validate: Evaluate | undefined;
}

/** @param ready the stages before it */
export async function grpoMethod(
  options: TrainOptions,
  ready: GrpoStages,
  { signal, onPhase, onNotice }: Pick<TrainExtras, 'signal' | 'onPhase' | 'onNotice'>,
): Promise<Method> {
  const { subject, dataset, place, model, batches, split } = ready;
  const { rewards, rules, algorithm } = subject;
  const { run, resumeFrom, fork } = place;
  const memory = resumeFrom?.state.memory as TrainMemory | undefined;
  const scorer: Pick<TrainableModel, 'score' | 'once'> = {
    ...(model.once && { once: (work) => model.once!(work) }),
    score: (batch, how) =>
      split.run('score', batch.completions.length, (parts) => scoreInParts(model, batch, how, parts)),
  };
  // The log-probs of a reference that follows the policy change: a resumed run can't use those from before.
  const file = referenceMoves(options, resumeFrom) ? undefined : run?.file(REFERENCE_CACHE);
  if (run && fork && file !== undefined) await copyReferenceCache(fork.run, run);
  const reference =
    options.beta === 0 || hasExactKl(options)
      ? undefined
      : await ReferenceCache.open(scorer, options.temperature, file, resumeFrom?.state.global_step);
  const context: RolloutContext = {
    model,
    split,
    options,
    problems: dataset.train,
    rewards,
    advantages: algorithm.advantages,
    rules,
    stop: subject.stop,
    reference,
    signal,
    onPhase,
  };
  const noWeightDecay = withoutWeightDecay(expectedTensors(model.config));
  const entropyBonus = new EntropyBonus(options, memory?.entropy);
  const parts = batches.partsPerGeneration;
  const sampler = problemSampler(options, batches, memory?.problems);
  let silent = false;
  let rollout = memory?.rollout && recallRollout(memory.rollout, dataset.train);

  return {
    async takeStep(step) {
      const start = performance.now();
      // Batches and schedules count steps from 0.
      const fresh = rollout === undefined || batches.samples(step - 1);
      if (fresh) rollout = await collect(context, sampler, step, batches.promptsPerStep * parts, parts);
      if (fresh && !silent && rollout!.advantages.rewards.every(Number.isNaN)) {
        silent = true; // once a sitting
        onNotice?.(
          `step ${step}: no reward function had anything to say (null) of any completion: nothing is learned from such a step`,
        );
      }
      onPhase?.('learning', step);
      const learningRate = learningRateAt(step - 1, batches.totalSteps, options);
      const part = partOf(rollout!, batches.part(step - 1), parts);
      const learned = await learn(model, part, options, {
        loss: algorithm.loss,
        learningRate,
        noWeightDecay,
        entropyBonus,
        split,
        onPolicy: fresh,
      });
      if (options.syncRefModel && step % options.refModelSyncSteps === 0) {
        await model.mixReference(options.refModelMixupAlpha);
        reference?.forget();
      }
      const metrics: Metrics = {
        ...stepMetrics(step, part, learned, rewards, options),
        ...(fresh ? rolloutCosts(rollout!, learned) : { num_tokens: 0, 'tokens/computed': learned.computed }),
        ...(entropyBonus.enabled && { entropy_coef: entropyBonus.coef }),
        ...(mostParts(split) > 1 && { parts: mostParts(split) }),
        frac_problems_seen: sampler.seen(step),
        epoch: sampler.epoch?.() ?? batches.epoch(step - 1),
        learning_rate: learningRate,
        step_time: (performance.now() - start) / 1000,
      };
      return {
        metrics,
        nonfinite: learned.nonfinite,
        ...(fresh && { completions: judged(rollout!, rewards, model.tokenizer) }),
      };
    },
    evaluate: () => ready.evaluate(model, 0),
    ...(ready.validate && { validate: () => ready.validate!(model, 0) }),
    remember: (step): TrainMemory => ({
      ...(rollout && !batches.samples(step) && { rollout: rememberRollout(rollout) }),
      entropy: entropyBonus.remember(),
      problems: sampler.remember(),
      split: split.parts,
    }),
    sync: async () => reference?.sync(),
    close: async () => reference?.close(),
  };
}

/** Whether the reference model is, or has become, another one than the policy before its first step. */
export const referenceMoves = (
  { syncRefModel }: Pick<TrainOptions, 'syncRefModel'>,
  resumeFrom: Checkpoint | undefined,
): boolean => syncRefModel || resumeFrom?.reference !== undefined;

const mostParts = ({ parts }: Split): number => Math.max(...Object.values(parts));

/** Completions with all that is kept and shown of them. */
function judged(rollout: Rollout, rewards: readonly NamedReward[], tokenizer: Tokenizer): JudgedCompletion[] {
  const { completions, advantages } = rollout;
  const ofTokens = tokenDetails(rollout, tokenizer);
  return completions.map(({ text, ended, problem, length, correct, extracted, rewards: own }, i) => ({
    prompt: problem.prompt,
    ...(problem.messages && { messages: problem.messages }),
    answer: problem.answer,
    completion: text,
    extracted,
    length,
    ended,
    reward: advantages.rewards[i]!,
    ...(rewards.length > 1 && {
      rewards: Object.fromEntries(rewards.map(({ name }, k) => [name, own[k]!])),
    }),
    advantage: advantages.values[i]!,
    ...(advantages.weights && { weight: advantages.weights[i]! }),
    correct,
    ...ofTokens[i]!,
  }));
}
