/**
 * GRPO (Shao et al. 2024, arXiv:2402.03300), one step after another:
 *
 *   prompts -> G completions of each -> rewards -> advantages within each group
 *           -> log-probs of the frozen reference (beta > 0)
 *           -> one or more optimiser steps: forward, loss, backward, AdamW
 *
 * The run around it (metrics, checkpoints, evaluation, resuming) is `session.ts`; sampling and
 * judging are `rollout.ts`, the gradient step is `learn.ts`.
 * Left out on purpose: several processes, and prompts of more than one turn.
 */
import { join } from 'node:path';
import { toOptions, type TrainConfig, type TrainOptions } from './train-options.js';
import { expectedTensors, withoutWeightDecay } from '../model/tensor-names.js';
import type { Tokenizer } from '../model/tokenizer.js';
import type { TrainableModel } from '../model/trainable.js';
import { REFERENCE_FILE } from './folder/checkpoints.js';
import type { MetricName, Metrics, RunMetricName } from '../grpo/metrics.js';
import { EntropyBonus, type EntropyMemory } from '../grpo/adaptive-entropy.js';
import { mean, standardDeviation } from '../grpo/advantages/statistics.js';
import { planBatches, type Batches } from '../grpo/batches.js';
import { checkCombinations } from '../grpo/combinations.js';
import { forecast } from './forecast/forecast.js';
import { type Forecast } from './events.js';
import type { JudgedCompletion, TrainPlan, TrainSummary } from './events.js';
import { groupMetrics } from '../grpo/group-metrics.js';
import { learn, type Learned } from '../grpo/learn.js';
import { prepare, type Prepared, type TrainExtras } from './prepare.js';
import { ReferenceCache } from '../grpo/reference-cache.js';
import { checkResumed } from './resumed.js';
import { recallRollout, rememberRollout, type RolloutMemory } from '../grpo/rollout-memory.js';
import {
  collect,
  partOf,
  sampledTokens,
  trlTokens,
  type Rollout,
  type RolloutContext,
} from '../grpo/rollout.js';
import { learningRateAt } from '../grpo/schedule.js';
import { Split, scoreInParts, type SplitMemory } from '../grpo/split.js';
import { tokenDetails } from '../grpo/token-details.js';
import { restore, runSession, taskColumns } from './session.js';
import { type Method } from './method.js';

/** What a checkpoint holds beside weights and moments; of JSON's types. */
interface TrainMemory {
  /** Completions between two uses. */
  rollout?: RolloutMemory;
  entropy: EntropyMemory;
  split: SplitMemory;
}

/** A training run by its resolved options. */
export async function runTraining(config: TrainConfig, extras: TrainExtras = {}): Promise<TrainSummary> {
  const options = toOptions(config);
  const training = await openTraining(options, extras, config);
  try {
    const { ready, model, plan } = training;
    return await runSession({
      model,
      method: await training.method(),
      options,
      config,
      lineage: ready.lineage,
      changes: ready.changes,
      savesReference: options.syncRefModel,
      columns: columnsOf(ready),
      plan,
      ...(options.probe && { forecast: training.forecast }),
      run: ready.run,
      resumeFrom: ready.resumeFrom,
      callbacks: extras,
      signal: extras.signal,
    });
  } finally {
    await training.close();
  }
}

/** A run before its first step. */
export interface Training {
  ready: Prepared;
  model: TrainableModel;
  plan: TrainPlan;
  method: () => Promise<Method>;
  /** What it will be like. Leaves no trace. */
  forecast: () => Promise<Forecast>;
  close: () => Promise<void>;
}

export async function openTraining(
  options: TrainOptions,
  extras: TrainExtras,
  config: Record<string, unknown>,
): Promise<Training> {
  const ready = await prepare(options, extras, config);
  const { resumeFrom } = ready;
  try {
    for (const notice of checkCombinations(options, ready.rewards.length)) extras.onNotice?.(notice);
    const batches = planBatches(ready.dataset.stages, options);
    checkResumed(ready, batches.totalSteps, config, extras.onNotice);
    const model = await ready.load();
    if (options.beta !== 0) await model.freezeReference();
    if (resumeFrom) {
      await restore(model, resumeFrom);
      if (options.syncRefModel) await model.loadReference(join(resumeFrom.path, REFERENCE_FILE));
    }
    const plan = await ready.plan(model, {
      kind: 'grpo',
      steps: batches.totalSteps,
      promptsPerStep: batches.promptsPerStep,
      sampledTogether: batches.promptsPerStep * batches.partsPerGeneration,
      parts: options.gradientAccumulationSteps * batches.partsPerGeneration,
      numGenerations: options.numGenerations,
      epochs: batches.epochs,
      beta: options.beta,
    });
    const memory = resumeFrom?.state.memory as TrainMemory | undefined;
    const split = new Split(memory?.split, extras.onNotice);
    return {
      ready,
      model,
      plan,
      method: () => grpo(model, options, ready, batches, split, extras),
      forecast: async () => {
        const still = { ...options, learningRate: 0, syncRefModel: false };
        const quiet = { ...(extras.signal && { signal: extras.signal }) };
        const method = await grpo(model, still, { ...ready, run: undefined }, batches, split, quiet);
        return forecast(model, method, ready.evaluate, plan, options);
      },
      close: () => ready.release(),
    };
  } catch (error) {
    await ready.release();
    throw error;
  }
}

/** The steps of a run. */
async function grpo(
  model: TrainableModel,
  options: TrainOptions,
  ready: Prepared,
  batches: Batches,
  split: Split,
  extras: TrainExtras,
): Promise<Method> {
  const { task, dataset, run, resumeFrom } = ready;
  const memory = resumeFrom?.state.memory as TrainMemory | undefined;
  const scorer: Pick<TrainableModel, 'score'> = {
    score: (batch, how) =>
      split.run('score', batch.completions.length, (parts) => scoreInParts(model, batch, how, parts)),
  };
  // A reference that follows the policy says other things later: what it said is of no use to a resumed run.
  const file = options.syncRefModel ? undefined : run?.file('reference.jsonl');
  const reference =
    options.beta === 0
      ? undefined
      : await ReferenceCache.open(scorer, options.temperature, file, resumeFrom?.state.global_step);
  const context: RolloutContext = {
    model,
    split,
    options,
    problems: dataset.train,
    rewards: ready.rewards,
    advantages: ready.algorithm.advantages,
    extract: (completion, problem) => task.extract?.(completion, problem) ?? completion.trim(),
    isCorrect: (completion, reward) => task.isCorrect?.(completion, reward) ?? reward > 0,
    stop: ready.stop,
    reference,
    signal: extras.signal,
    onPhase: extras.onPhase,
  };
  const noWeightDecay = withoutWeightDecay(expectedTensors(model.config));
  const entropyBonus = new EntropyBonus(options, memory?.entropy);
  const parts = batches.partsPerGeneration;
  let silent = false;
  let rollout = memory?.rollout && recallRollout(memory.rollout, dataset.train);

  return {
    async takeStep(step) {
      const start = performance.now();
      // Batches and schedules count steps from 0.
      const fresh = rollout === undefined || batches.samples(step - 1);
      if (fresh) rollout = await collect(context, batches.prompts(step - 1), step, parts);
      if (fresh && !silent && rollout!.advantages.rewards.every(Number.isNaN)) {
        silent = true; // once a sitting
        extras.onNotice?.(
          `step ${step}: no reward function had anything to say (null) of any completion: nothing is learned from such a step`,
        );
      }
      extras.onPhase?.('learning', step);
      const learningRate = learningRateAt(step - 1, batches.totalSteps, options);
      const part = partOf(rollout!, batches.part(step - 1), parts);
      const learned = await learn(model, part, options, {
        loss: ready.algorithm.loss,
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
        ...metricsOf(step, part, learned, ready, options.numGenerations),
        ...(fresh ? costsOf(rollout!, learned) : { num_tokens: 0, 'tokens/computed': learned.computed }),
        ...(entropyBonus.enabled && { entropy_coef: entropyBonus.coef }),
        ...(mostParts(split) > 1 && { parts: mostParts(split) }),
        epoch: batches.epoch(step - 1),
        learning_rate: learningRate,
        step_time: (performance.now() - start) / 1000,
      };
      return {
        metrics,
        nonfinite: learned.nonfinite,
        ...(fresh && { completions: judged(rollout!, ready, model.tokenizer) }),
      };
    },
    evaluate: () => ready.evaluate(model, 0),
    remember: (step): TrainMemory => ({
      ...(rollout && !batches.samples(step) && { rollout: rememberRollout(rollout) }),
      entropy: entropyBonus.remember(),
      split: split.parts,
    }),
    sync: async () => reference?.sync(),
    close: async () => reference?.close(),
  };
}

/** Of the completions that the step learned from. */
function metricsOf(
  step: number,
  rollout: Rollout,
  learned: Learned,
  { rewards }: Prepared,
  numGenerations: number,
): Metrics {
  const { completions, advantages } = rollout;
  const lengths = completions.map(({ length }) => length);
  const share = (of: (completion: Rollout['completions'][number]) => boolean) =>
    completions.filter(of).length / completions.length;
  return {
    step,
    ...finite({ loss: learned.loss, grad_norm: learned.gradNorm }),
    ...rewardMetrics(advantages.rewards, 'reward', 'reward_std'),
    frac_reward_zero_std: advantages.flat.filter(Boolean).length / advantages.flat.length,
    ...groupMetrics(rollout, numGenerations),
    ...learned.metrics,
    'completions/mean_length': sampledTokens(rollout) / lengths.length,
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    'completions/clipped_ratio': share(({ ended }) => ended === 'length'),
    accuracy: share(({ correct }) => correct),
    ...(rewards.length > 1 && ofEachReward(rewards, completions)),
    'time/train': learned.seconds.train,
    'time/optimizer': learned.seconds.optimizer,
  };
}

const mostParts = ({ parts }: Split): number => Math.max(...Object.values(parts));

/** What is a number. */
const finite = (metrics: Partial<Metrics>): Partial<Metrics> =>
  Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));

/** Of the sampling that the step began with, all of its generation. */
function costsOf(rollout: Rollout, learned: Learned): Partial<Metrics> {
  return {
    num_tokens: trlTokens(rollout),
    'time/sample': rollout.seconds.sample,
    'time/reward': rollout.seconds.reward,
    'time/reference': rollout.seconds.reference,
    'tokens/sampled': sampledTokens(rollout),
    'tokens/computed': learned.computed + rollout.computed,
  };
}

/** What is told of each reward function, where there are several. */
const rewardColumns = (name: string) => [`rewards/${name}/mean`, `rewards/${name}/std`] as const;

function ofEachReward(rewards: Prepared['rewards'], completions: Rollout['completions']): Partial<Metrics> {
  const all: Partial<Metrics> = {};
  rewards.forEach(({ name }, k) => {
    const values = Float64Array.from(completions, ({ rewards: own }) => own[k]!);
    Object.assign(all, rewardMetrics(values, ...rewardColumns(name)));
  });
  return all;
}

/** Nothing where nothing was said of any completion. */
function rewardMetrics(values: Float64Array, ofMean: MetricName, ofDeviation: MetricName): Partial<Metrics> {
  return values.every(Number.isNaN)
    ? {}
    : { [ofMean]: mean(values), [ofDeviation]: standardDeviation(values) };
}

function columnsOf({ rewards, dataset }: Prepared): RunMetricName[] {
  const tasks = [...new Set(dataset.heldOut.map(({ task }) => task))].filter((name) => name !== undefined);
  return [
    ...(rewards.length > 1 ? rewards.flatMap(({ name }) => rewardColumns(name)) : []),
    ...(tasks.length > 1 ? taskColumns(tasks) : []),
  ];
}

function judged(rollout: Rollout, { rewards }: Prepared, tokenizer: Tokenizer): JudgedCompletion[] {
  const { completions, advantages } = rollout;
  const ofTokens = tokenDetails(rollout, tokenizer);
  return completions.map(({ text, ended, problem, length, correct, extracted, rewards: own }, i) => ({
    prompt: problem.prompt,
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
    correct,
    ...ofTokens[i]!,
  }));
}
