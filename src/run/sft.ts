/**
 * Supervised warm start: teaches a model a task's right answers, so that GRPO finds some to reward.
 *
 *   loss = mean over answer tokens of -log pi(token | prompt, answer so far)
 *
 * An answer ends with the end-of-sequence token, in a conversation with the end of the turn, so that the model
 * learns to stop.
 * Left out on purpose: packing.
 */
import { shown } from '../common/errors.js';
import { sftConfig, toOptions, type SftInput, type SftOptions } from './train-options.js';
import type { Prompt } from '../model/message.js';
import { checkPositions, promptIds } from '../model/positions.js';
import type { TrainableModel } from '../model/trainable.js';
import { expectedTensors, withoutWeightDecay } from '../model/tensor-names.js';
import type { Batch } from '../engine/types.js';
import type { Metrics } from '../grpo/metrics.js';
import type { Dataset } from '../data/tasks/index.js';
import type { Problem } from '../data/tasks/task.js';
import { planBatches, type Batches } from '../grpo/batches.js';
import type { TrainSummary } from './events.js';
import type { NonFinite } from '../grpo/learn.js';
import type { TrainExtras } from './extras.js';
import { checkResumed } from './resumed.js';
import { stopwatch } from '../grpo/rollout.js';
import { Split, ranges } from '../grpo/split.js';
import { learningRateAt } from '../grpo/schedule.js';
import { restore } from './folder/restore.js';
import { runSession } from './session.js';
import type { Method } from './method.js';
import { dataStage, evaluation, type Evaluate } from './stages/data.js';
import { folderStage } from './stages/folder.js';
import { modelStage, type LoadedModel } from './stages/model.js';
import { optionsStage } from './stages/options.js';
import { together } from './together.js';
import { planStage, type Schedule } from './stages/plan.js';
import { problemsToCheck, promptText } from './stages/prompts.js';
import { taskStage } from './stages/task.js';
import { optimizerOptions } from '../grpo/optimizer.js';

/**
 * Supervised fine-tuning on a task's right answers: a warm start, so that GRPO finds completions to reward. The
 * loss is the mean of -log π over answer tokens, the end-of-sequence token included.
 *
 * @param input options; defaults are in `SftOptions`
 * @param extras as for `train`; `advantages` and `loss` are not used
 * @throws {GrpoError} as `train`
 *
 * @example
 * ```ts
 * const { finalModel } = await sft({ model: 'tiny', task: 'counting', maxSteps: 200 });
 * ```
 */
export const sft = (input: SftInput = {}, extras: TrainExtras = {}): Promise<TrainSummary> =>
  together(extras, (joined) => teach(input, joined));

async function teach(input: SftInput, extras: TrainExtras): Promise<TrainSummary> {
  const config = sftConfig(input);
  const options = toOptions(config);
  optionsStage(options, extras);
  const subject = await taskStage(options, extras);
  const dataset = await dataStage(options, subject, extras);
  const place = await folderStage(options, subject, config, extras);
  const { run, resumeFrom, changes } = place;
  let loaded: LoadedModel | undefined;
  try {
    // A problem has one answer here: groups of one, each used once.
    const batches = planBatches(dataset.stages, { ...options, numGenerations: 1, numIterations: 1 });
    checkResumed(place, batches.totalSteps, config, extras.onNotice);
    loaded = await modelStage(options, dataset, place, extras, checkAnswers);
    const { model } = loaded;
    if (resumeFrom) await restore(model, resumeFrom);
    const schedule: Schedule = {
      kind: 'sft',
      steps: batches.totalSteps,
      promptsPerStep: batches.promptsPerStep,
      sampledTogether: batches.promptsPerStep,
      parts: options.gradientAccumulationSteps,
      numGenerations: 1,
      epochs: batches.epochs,
      beta: 0,
    };
    const { plan } = await planStage(options, subject, dataset, place, loaded, schedule, extras);
    const evaluate = evaluation(options, subject, dataset.heldOut, extras);
    return await runSession({
      model,
      method: sftMethod(model, options, dataset, batches, evaluate, extras),
      options,
      config,
      dataset: subject.task.source,
      fingerprints: loaded.fingerprints,
      changes,
      plan,
      ranks: extras.ranks,
      run,
      resumeFrom,
      callbacks: extras,
      signal: extras.signal,
    });
  } finally {
    run?.release();
    await loaded?.dispose();
  }
}

/** One optimiser step after another on problems with their answers. */
function sftMethod(
  model: TrainableModel,
  options: SftOptions,
  dataset: Dataset,
  batches: Batches,
  evaluate: Evaluate,
  { onPhase, onNotice }: TrainExtras,
): Method {
  const noWeightDecay = withoutWeightDecay(expectedTensors(model.config));
  const split = new Split(undefined, onNotice);
  return {
    async takeStep(step) {
      onPhase?.('learning', step);
      const start = performance.now();
      const learningRate = learningRateAt(step - 1, batches.totalSteps, options);
      const problems = batches.prompts(step - 1).map((index) => dataset.train[index]!);
      const { metrics: learned, nonfinite } = await learnAnswers(model, problems, options, {
        learningRate,
        noWeightDecay,
        split,
      });
      const metrics: Metrics = {
        step,
        ...learned,
        epoch: batches.epoch(step - 1),
        learning_rate: learningRate,
        step_time: (performance.now() - start) / 1000,
      };
      return { metrics, nonfinite };
    },
    evaluate: () => evaluate(model, options.temperature),
    reached: ({ accuracy }) => options.targetAccuracy !== null && accuracy >= options.targetAccuracy,
  };
}

async function learnAnswers(
  model: TrainableModel,
  problems: Problem[],
  options: SftOptions,
  step: { learningRate: number; noWeightDecay: string[]; split: Split },
): Promise<{ metrics: Omit<Metrics, 'step'>; nonfinite: NonFinite | undefined }> {
  const clock = stopwatch();
  const pairs = problems.map((problem) => answerTokens(model, problem, problem.answer));
  const tokens = pairs.reduce((sum, { completion }) => sum + completion.length, 0);
  const accumulated = options.gradientAccumulationSteps;
  const { loss, entropy, computed } = await step.split.run('learn', pairs.length / accumulated, (pieces) =>
    accumulate(model, pairs, tokens, accumulated * pieces),
  );
  const train = clock();
  const gradNorm = await model.optimizerStep(optimizerOptions(options, step));
  const nonfinite = [
    { what: 'loss' as const, value: loss },
    { what: 'gradient norm' as const, value: gradNorm },
  ].find(({ value }) => !Number.isFinite(value));
  return {
    metrics: {
      ...(!nonfinite && { loss, grad_norm: gradNorm }),
      entropy,
      'completions/mean_length': tokens / pairs.length,
      num_tokens: pairs.reduce((sum, { prompt, completion }) => sum + prompt.length + completion.length, 0),
      'time/train': train,
      'time/optimizer': clock(),
      'tokens/computed': computed,
    },
    nonfinite: nonfinite && {
      ...nonfinite,
      batch: problems.map(({ prompt, answer }) => ({ prompt, answer })),
    },
  };
}

/** The gradient of the mean over all `tokens`, part after part. */
async function accumulate(
  model: TrainableModel,
  pairs: { prompt: Int32Array; completion: Int32Array }[],
  tokens: number,
  parts: number,
) {
  let loss = 0;
  let entropy = 0;
  let computed = 0;
  await model.zeroGrad(); // where this is another try
  for (const { from, to } of ranges(pairs.length, parts)) {
    const part = pairs.slice(from, to);
    const batch: Batch = {
      prompts: part.map(({ prompt }) => prompt),
      completions: part.map(({ completion }) => completion),
      promptOf: Int32Array.from(part, (_, k) => k),
    };
    const scores = await model.forward(batch, 1);
    for (const logp of scores.logps) loss -= logp / tokens;
    for (const value of scores.entropies) entropy += value / tokens;
    computed += scores.computed;
    await model.backward(new Float32Array(scores.logps.length).fill(-1 / tokens), null);
  }
  return { loss, entropy, computed };
}

/**
 * The tokens that a right completion draws after the prompt's. Prompt and answer are encoded apart,
 * as they are in sampling.
 */
export function answerTokens(
  model: Pick<TrainableModel, 'tokenizer' | 'eosTokenIds' | 'chatTemplate'>,
  prompt: Prompt,
  answer: string,
): { prompt: Int32Array; completion: Int32Array } {
  const endOfTurn = prompt.messages && model.chatTemplate?.endOfTurnId;
  return {
    prompt: promptIds(model, prompt),
    completion: Int32Array.from([...model.tokenizer.encode(answer), endOfTurn ?? endOfAnswer(model)]),
  };
}

/**
 * Several ids may end a sequence: of a text, of a turn, of a call of a tool. The tokenizer's own is the end of what
 * the model says (Llama 3: <|eot_id|>, the last of three), and the one that transformers' trainers append. Where
 * sampling doesn't end at it, the first that it ends at; where there is none at all, a newline.
 */
function endOfAnswer({ tokenizer, eosTokenIds }: Pick<TrainableModel, 'tokenizer' | 'eosTokenIds'>): number {
  const own = tokenizer.eosTokenId;
  if (own !== undefined && eosTokenIds.includes(own)) return own;
  return eosTokenIds[0] ?? tokenizer.encode('\n')[0]!;
}

/** An answer is learned whole, however long a completion may be. */
function checkAnswers(model: TrainableModel, problems: Problem[]): void {
  const whole = (problem: Problem) => promptText(problem) + problem.answer;
  for (const problem of problemsToCheck(problems, model.config.maxPositionEmbeddings, whole)) {
    const tokens = answerTokens(model, problem, problem.answer);
    checkPositions(model.config, tokens.prompt.length, tokens.completion.length, {
      what: `the prompt ${shown(problem.prompt)}`,
      fix: 'shorten the prompt or its answer',
    });
  }
}
