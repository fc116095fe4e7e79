/** Runs one case: steps of the trainer on a model that counts the tokens it computes. */
import { type TrainOptions } from '../src/run/train-options.js';
import { trainOptions } from '../src/experiments/train.js';
import { problemSampler } from '../src/grpo/problem-sampling/index.js';
import { groupAdvantages } from '../src/grpo/advantages/index.js';
import { policyLoss } from '../src/grpo/losses/index.js';
import { EntropyBonus } from '../src/grpo/adaptive-entropy.js';
import { oneStage, planBatches } from '../src/grpo/batches.js';
import { learn } from '../src/grpo/learn.js';
import { ReferenceCache } from '../src/grpo/reference-cache.js';
import { Split } from '../src/grpo/split.js';
import { collect, sampledTokens, stopwatch, trlTokens, type RolloutContext } from '../src/grpo/rollout.js';
import { stopRule } from '../src/grpo/stop.js';
import { parameterCount, parseModelConfig } from '../src/model/config.js';
import { LanguageModel } from '../src/model/language-model.js';
import { expectedTensors, withoutWeightDecay } from '../src/model/tensor-names.js';
import type { TrainableModel } from '../src/model/trainable.js';
import { hash32 } from '../src/common/random.js';
import { loadTask } from '../src/data/tasks/index.js';
import type { Completion, RewardFunction } from '../src/data/tasks/task.js';
import type { CaseJob, CaseRun, StartRun, StepRun } from './job.js';
import { problemsOf } from './problems.js';
import { plainTrainingFlops, predictorRows, workOf, type Counts } from './roofline.js';
import { SHAPES } from './shapes.js';
import { shapeTokenizer } from './shape-tokenizer.js';

/** Every measurement has the same random weights and the same draws. */
const SEED = 42;
const TEMPERATURE = 0.7;

export async function runCase(
  job: CaseJob,
  onProgress: (done: number, total: number) => void,
): Promise<CaseRun> {
  const clock = stopwatch();
  const model = await openModel(job);
  try {
    const start: StartRun = { load: clock(), freeze_reference: 0, first_prompt: 0, first_token: 0 };
    await model.freezeReference();
    start.freeze_reference = clock();
    const options = optionsOf(job);
    const metered = meter(model, (seconds) => {
      start.first_prompt ||= seconds;
      start.first_token ||= (Date.now() - job.started) / 1000;
    });
    const steps =
      job.case.kind === 'start'
        ? await firstToken(metered.model, options)
        : await takeSteps(job, metered, options, onProgress);
    return {
      engine: await model.info(),
      parameters: parameterCount(model.config),
      temperature: options.temperature,
      max_completion_length: options.maxCompletionLength,
      start,
      steps,
      peak_memory: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    await model.dispose();
  }
}

function openModel({
  case: { model, dtype, lora_r: r },
  folder,
  device,
  threads,
}: CaseJob): Promise<LanguageModel> {
  // As in peers/trl.py: alpha is twice the rank.
  const lora = r === null ? null : { r, alpha: 2 * r, targetModules: null, rslora: false };
  if (folder !== undefined) return LanguageModel.load({ model: folder, dtype, device, threads, lora });
  const config = parseModelConfig(SHAPES[model]!.config, model);
  const tokenizer = shapeTokenizer(config.vocabSize);
  return LanguageModel.initialize({
    config,
    tokenizer,
    eosTokenIds: [],
    seed: SEED,
    dtype,
    device,
    threads,
    lora,
  });
}

/** The case as training options. With random weights, `shapes.ts` says after how many tokens a completion ends. */
function optionsOf({ case: one, folder, device, threads }: CaseJob): TrainOptions {
  const answer = folder === undefined && one.stop === 'answer' ? SHAPES[one.model]!.answer : undefined;
  return trainOptions({
    model: folder ?? one.model,
    task: 'arithmetic',
    batchSize: one.prompts * one.num_generations,
    numGenerations: one.num_generations,
    maxCompletionLength: Math.min(one.max_completion_length, answer?.tokens ?? Infinity),
    temperature: answer?.temperature ?? TEMPERATURE,
    stop: answer ? 'none' : one.stop,
    beta: one.beta,
    learningRate: one.learning_rate,
    maxSteps: one.warmup + one.steps,
    seed: SEED,
    dtype: one.dtype,
    device,
    threads,
  });
}

async function takeSteps(
  { case: one }: CaseJob,
  { model, counts }: Meter,
  options: TrainOptions,
  onProgress: (done: number, total: number) => void,
): Promise<StepRun[]> {
  const task = await loadTask(options.task!, options);
  const train = await problemsOf(one);
  const batches = planBatches(oneStage(train.length), options);
  const split = new Split();
  const context: RolloutContext = {
    model,
    split,
    options,
    problems: train,
    rewards: [{ name: 'spread', reward: spreadOut(task.reward) }],
    advantages: groupAdvantages,
    rules: { isCorrect: (_, __, sum) => sum > 0, extract: (completion) => completion },
    stop: stopRule(options.stop, task),
    reference: await ReferenceCache.open(model, options.temperature),
    signal: undefined,
    onPhase: undefined,
  };
  const sampler = problemSampler(options, batches, undefined);
  const noWeightDecay = withoutWeightDecay(expectedTensors(model.config));
  const steps: StepRun[] = [];
  for (let step = 0; step < batches.totalSteps; step++) {
    onProgress(step, batches.totalSteps);
    const clock = stopwatch();
    const rollout = await collect(context, sampler, step + 1, batches.promptsPerStep);
    const learned = await learn(model, rollout, options, {
      loss: policyLoss,
      learningRate: options.learningRate,
      noWeightDecay,
      entropyBonus: new EntropyBonus(options),
      split,
      onPolicy: true,
    });
    const seconds = {
      sample: rollout.seconds.sample,
      reference: rollout.seconds.reference,
      ...learned.seconds,
      step: clock(),
    };
    const counted = counts();
    if (step < one.warmup) continue;
    steps.push({
      seconds,
      counts: counted,
      work: workOf(model.config, one.dtype, counted, one.lora_r),
      plain_training_flops: plainTrainingFlops(model.config, counted, one.lora_r),
      tokens: trlTokens(rollout),
      completion_tokens: sampledTokens(rollout),
    });
  }
  return steps;
}

/** All that a `start` case measures: one prompt, and one token of each completion. */
async function firstToken(model: TrainableModel, options: TrainOptions): Promise<StepRun[]> {
  await model.sample({
    prompts: [model.tokenizer.encodePrompt('Calculate: 12 + 13 = ')],
    promptIndices: [0],
    numGenerations: options.numGenerations,
    maxCompletionLength: 1,
    seed: options.seed,
    step: 1,
    temperature: options.temperature,
  });
  return [];
}

/** Adds a small amount that differs between completions, so that every group has a spread of rewards and is learned from. */
function spreadOut(reward: RewardFunction): RewardFunction {
  return async (completions: Completion[]) => {
    const rewards = await reward(completions);
    return rewards.map((value, i) => value! + 0.01 * (hash32(completions[i]!.completion) % 7));
  };
}

interface Meter {
  model: TrainableModel;
  /** Returns what was computed since the last call. */
  counts: () => Counts;
}

/**
 * Wraps a model so that it counts what it computes.
 * @param onFirst called at each token position of a rollout with the seconds since its start
 */
function meter(model: LanguageModel, onFirst: (seconds: number) => void): Meter {
  const none = (): Counts => ({
    sample: { nodes: 0, rows: 0, positions: 0 },
    reference: { nodes: 0, rows: 0 },
    train: { forward: { nodes: 0, rows: 0 }, nodes: 0, rows: 0, backward: false },
  });
  let counted = none();
  const counting: Partial<TrainableModel> = {
    async sample(options) {
      const clock = stopwatch();
      const samples = await model.sample({ ...options, onPosition: () => onFirst(clock()) });
      const completions = samples.completions.map(({ ids }) => ids);
      const promptOf = Int32Array.from(samples.completions, ({ prompt }) => prompt);
      counted.sample.nodes += samples.computed;
      counted.sample.rows += predictorRows({ prompts: options.prompts, completions, promptOf });
      counted.sample.positions += Math.max(...completions.map(({ length }) => length));
      return samples;
    },
    async score(batch, options) {
      const scores = await model.score(batch, options);
      counted.reference.nodes += scores.computed;
      counted.reference.rows += predictorRows(batch);
      return scores;
    },
    async forward(batch, ...how) {
      const scores = await model.forward(batch, ...how);
      counted.train.forward.nodes += scores.computed;
      counted.train.forward.rows += scores.predicted;
      counted.train.nodes += scores.nodes;
      counted.train.rows += predictorRows(batch);
      return scores;
    },
    backward(...derivatives) {
      counted.train.backward = true;
      return model.backward(...derivatives);
    },
  };
  return {
    model: Object.assign(Object.create(model) as LanguageModel, counting),
    counts: () => {
      const result = counted;
      counted = none();
      return result;
    },
  };
}
