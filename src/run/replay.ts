/** Recorded completions of a run, scored under other losses. Nothing is sampled, and no weight is changed. */
import { join } from 'node:path';
import { bytes } from '../common/format.js';
import { GrpoError } from '../common/errors.js';
import { readYaml, resolveConfig } from '../config/load.js';
import { openDevice } from '../engine/device.js';
import type { Batch, ModelConfig } from '../engine/types.js';
import { EntropyBonus } from '../grpo/adaptive-entropy.js';
import { lossGradients, type LossGradient, type ScoredBatch } from '../grpo/loss-gradients.js';
import { hasExactKl } from '../grpo/losses/kl.js';
import { LOSS_TYPES, type LossType } from '../grpo/losses/types.js';
import { scoreInParts, Split } from '../grpo/split.js';
import { tokenLengths } from '../grpo/token-details.js';
import { BESIDE_TENSORS, freeWithin } from '../machine/memory.js';
import { parameterCount, readModelConfig } from '../model/config.js';
import { resolveSource } from '../model/adapter.js';
import { resolveModel } from '../model/files.js';
import { adapterCount, loraOf, type Lora } from '../model/lora.js';
import { LanguageModel, type LoadOptions } from '../model/language-model.js';
import { promptIds } from '../model/positions.js';
import { findWeights } from '../model/run-weights.js';
import type { Checkpoint } from './folder/checkpoints.js';
import { readCompletions, recordedSteps, type RecordedStep } from './folder/completions.js';
import { findFork } from './folder/fork.js';
import type { TrainMemory } from './grpo-method.js';
import { TRAIN } from './options.js';
import { toOptions, type TrainOptions } from './train-options.js';

/** What `replay` is asked. */
export interface ReplayOptions extends Pick<LoadOptions, 'device' | 'dtype' | 'threads' | 'maxMemory'> {
  /** Losses that are compared; by default all that are built in. */
  losses?: readonly LossType[];
  /** Checkpoint whose weights are taken, such as `checkpoint-40`; null or absent: the newest whole one. */
  at?: string | null;
  /** Recorded steps; null or absent: all. */
  steps?: readonly number[] | null;
}

/** What a program may give `replay` beside options. */
export interface ReplayExtras {
  /** After each step. */
  onStep?: (step: ReplayedStep) => void;
  /** After each step: how many are done, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** What a person should know that is no error. */
  onNotice?: (text: string) => void;
  /** Ends the replay after the step at hand. */
  signal?: AbortSignal;
}

/** A recorded step under each of the losses. */
export interface ReplayedStep {
  /** The step that its completions were sampled for. */
  step: number;
  /** Completions that were scored. */
  completions: number;
  /** Their tokens. */
  tokens: number;
  /** What each loss gives, in the order of the losses. */
  losses: LossGradient[];
}

/** What a replay gave. */
export interface Replay {
  /** Step of the checkpoint whose weights were taken. */
  weightsStep: number;
  /** The losses. */
  losses: readonly LossType[];
  /** One after another. */
  steps: ReplayedStep[];
  /** Whether `signal` ended it early. */
  interrupted: boolean;
}

/**
 * Scores the recorded completions of a run under other losses, at the weights of one of its checkpoints: the loss,
 * the norm of its gradient, and the cosine between the gradients of the losses. docs/fork-replay.md says what the
 * figures mean.
 *
 * @param run folder of the run
 * @throws {GrpoError} before any weight is read: RUN_NOT_FOUND, RUN_KIND, FORK_FROM where there is no checkpoint,
 * RESUME_CHECKPOINT, REPLAY_STEPS where a step is not recorded or can't be scored, MEMORY; then the codes of `LanguageModel.load`
 *
 * @example
 * ```ts
 * const { steps } = await replay('runs/qwen', { losses: ['grpo', 'dapo'], at: 'checkpoint-100' });
 * for (const { step, losses } of steps) console.log(step, losses[0]!.cosines[1]);
 * ```
 */
export async function replay(
  run: string,
  options: ReplayOptions = {},
  { onStep, onProgress, onNotice, signal }: ReplayExtras = {},
): Promise<Replay> {
  const { losses = LOSS_TYPES, at, steps = null, device = 'auto', maxMemory = null } = options;
  const { checkpoint } = await findFork(run, at ?? undefined, onNotice);
  const ofRun = runOptions(run);
  const wanted = await chosenSteps(run, steps);
  if (ofRun.algorithm !== null)
    onNotice?.('the loss of the run is its own algorithm: built-in losses are compared, with its advantages');
  const folder = await firstWeights(ofRun, checkpoint, onNotice);
  const opened = await openDevice(device, onNotice);
  const lora = loraOf(ofRun);
  const config = await readModelConfig((await resolveSource(folder)).folder);
  refuseUnfit(config, lora, losses, ofRun.beta !== 0, opened.memory === null, maxMemory);

  const { chatTemplatePath, chatTemplateKwargs } = ofRun;
  const model = await LanguageModel.load({
    ...options,
    model: folder,
    lora,
    loraSeed: ofRun.seed,
    device: opened.device,
    chatTemplatePath,
    chatTemplateKwargs,
  });
  try {
    if (ofRun.beta !== 0) await model.freezeReference();
    if (ofRun.beta !== 0 && checkpoint.reference !== undefined)
      await model.loadReference(checkpoint.reference);
    await model.loadWeights(checkpoint.path);
    const split = new Split(undefined, onNotice);
    const weightsStep = checkpoint.state.global_step;
    const lossOptions = optionsOfLosses(ofRun, checkpoint);
    const result: Replay = { weightsStep, losses, steps: [], interrupted: false };
    let leftOut = 0;
    for await (const recorded of readCompletions(run, wanted)) {
      if (signal?.aborted) return { ...result, interrupted: true };
      const { scored, lost } = scoredBatch(recorded, model, ofRun);
      leftOut += lost;
      if (scored.batch.completions.length === 0) continue;
      if (ofRun.beta !== 0 && !hasExactKl(ofRun))
        scored.refLogps = (
          await split.run('score', scored.batch.completions.length, (parts) =>
            scoreInParts(model, scored.batch, { which: 'reference', temperature: ofRun.temperature }, parts),
          )
        ).logps;
      // The weights that the completions were sampled with: every ratio is 1, and not only to two decimals.
      if (recorded.step === weightsStep + 1) scored.oldLogps = null;
      const replayed: ReplayedStep = {
        step: recorded.step,
        completions: scored.batch.completions.length,
        tokens: tokensIn(scored.batch),
        losses: await lossGradients(model, scored, losses, lossOptions, split),
      };
      result.steps.push(replayed);
      onStep?.(replayed);
      onProgress?.(result.steps.length, wanted.size);
    }
    const lost = `${leftOut} completions: the run kept no ids of their tokens, and their text is made of others`;
    if (result.steps.length === 0)
      throw new GrpoError('REPLAY_STEPS', `nothing is left to replay without ${lost}`, {
        fix: 'replay a run of this version or a later one',
        value: run,
      });
    if (leftOut > 0) onNotice?.(`left out: ${lost}`);
    return result;
  } finally {
    await model.dispose();
  }
}

/**
 * The options of the run.
 * @throws {GrpoError} RUN_KIND
 */
function runOptions(run: string): TrainOptions {
  const source = readYaml(join(run, 'config.yaml'));
  if ('num_generations' in source.values) return toOptions(resolveConfig(TRAIN, [source]));
  throw new GrpoError('RUN_KIND', `${run} is a run of sft, which samples nothing`, {
    fix: 'replay a run of train',
    value: run,
  });
}

/** @throws {GrpoError} REPLAY_STEPS */
async function chosenSteps(run: string, steps: readonly number[] | null): Promise<Set<number>> {
  const recorded = await recordedSteps(run);
  const missing = steps?.find((step) => !recorded.includes(step));
  if (recorded.length > 0 && missing === undefined) return new Set(steps ?? recorded);
  const what = recorded.length === 0 ? 'completions' : `completions of step ${missing}`;
  throw new GrpoError('REPLAY_STEPS', `${run} has recorded no ${what}`, {
    fix:
      recorded.length === 0
        ? 'take a run that has taken a step'
        : `${recorded.length} steps are recorded, from ${recorded[0]} to ${recorded.at(-1)}: those that sampled`,
    value: steps,
  });
}

/** The model folder that the reference comes from where there is one, else that of the checkpoint. */
async function firstWeights(
  { beta, initFrom, model }: TrainOptions,
  checkpoint: Checkpoint,
  onNotice: ReplayExtras['onNotice'],
): Promise<string> {
  if (beta === 0 || checkpoint.reference !== undefined) return checkpoint.path;
  return initFrom === null ? resolveModel(model) : findWeights(initFrom, onNotice);
}

/** @throws {GrpoError} MEMORY where weights, reference and a gradient for each loss don't fit */
function refuseUnfit(
  config: ModelConfig,
  lora: Lora | null,
  losses: readonly LossType[],
  hasReference: boolean,
  onCpu: boolean,
  maxMemory: number | null,
): void {
  const weights = 4 * parameterCount(config);
  const gradient = lora ? 4 * adapterCount(config, lora) : weights;
  // Weights, the gradient of those that learn, the reference, which of adapters takes nothing; the gradients that
  // are compared lie in main memory.
  const held = onCpu ? weights + gradient + (lora ? gradient : hasReference ? weights : 0) : 0;
  const free = freeWithin(maxMemory) - BESIDE_TENSORS;
  const needed = held + gradient * losses.length;
  if (needed <= free) return;
  const fitting = Math.floor((free - held) / gradient);
  throw new GrpoError(
    'MEMORY',
    `the gradients of ${losses.length} losses and the model take ${bytes(needed)}, and ${bytes(Math.max(0, free))} are free`,
    {
      fix:
        fitting >= 2
          ? `name at most ${fitting} losses: --losses ${losses.slice(0, fitting).join(' --losses ')}`
          : 'free memory, or replay on a machine with more',
      value: needed,
      exitCode: 1,
    },
  );
}

/** The run's, for a step as one batch; the weight of an entropy bonus is that of the checkpoint. */
function optionsOfLosses(options: TrainOptions, { state }: Checkpoint): Parameters<typeof lossGradients>[3] {
  const memory = state.memory as TrainMemory | undefined;
  const entropyCoef = new EntropyBonus(options, memory?.entropy).applied;
  return { ...options, entropyCoef, gradientAccumulationSteps: 1 };
}

/** A recorded step as a batch; each of equal completions counts. */
function scoredBatch(
  { completions }: RecordedStep,
  model: Pick<LanguageModel, 'tokenizer' | 'eosTokenIds' | 'chatTemplate' | 'folder'>,
  { maskTruncatedCompletions }: TrainOptions,
): { scored: ScoredBatch; lost: number } {
  const byPrompt = new Map(completions.map((record) => [record.prompt, record]));
  const prompts = [...byPrompt.keys()];
  let lost = 0;
  const each = completions.flatMap((record) => {
    const { logps } = record;
    const ids = record.ids ?? encoded(record, model);
    if (!ids || !logps) {
      lost += record.count;
      return [];
    }
    return Array.from({ length: record.count }, () => ({ ...record, logps, ids: Int32Array.from(ids) }));
  });
  const masked = each.map(({ ended }) => maskTruncatedCompletions && ended === 'length');
  return {
    lost,
    scored: {
      batch: {
        prompts: [...byPrompt.values()].map((record) => promptIds(model, record)),
        completions: each.map(({ ids }) => ids),
        promptOf: Int32Array.from(each, ({ prompt }) => prompts.indexOf(prompt)),
      },
      oldLogps: each.flatMap(({ logps }) => logps),
      refLogps: null,
      advantages: each.map(({ advantage }) => advantage),
      weights: each.map(({ weight = 1 }) => weight),
      masked,
      tokensInStep: each.reduce((sum, { ids }, i) => sum + (masked[i] ? 0 : ids.length), 0),
    },
  };
}

/**
 * The ids of a completion of which only the text was kept, and that it ended. Undefined where the text is made of
 * other tokens than were drawn: they have other log-probs than those that were recorded.
 */
function encoded(
  { completion, ended, logps, tokens }: RecordedStep['completions'][number],
  { tokenizer, eosTokenIds }: Pick<LanguageModel, 'tokenizer' | 'eosTokenIds'>,
): number[] | undefined {
  const ids = [...tokenizer.encode(completion), ...(ended === 'eos' ? eosTokenIds.slice(0, 1) : [])];
  const same = !tokens || tokens.join() === tokenLengths(ids, completion, tokenizer)?.join();
  return ids.length === logps?.length && same ? ids : undefined;
}

const tokensIn = ({ completions }: Batch): number => completions.reduce((sum, ids) => sum + ids.length, 0);
