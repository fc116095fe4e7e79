/**
 * What a run needs before its first step, in the order in which things can be wrong: options,
 * task, run folder, model. Nothing is written and no weight is read before all of it was checked.
 */
import type { SftOptions, TrainOptions } from './train-options.js';
import { GrpoError } from '../common/errors.js';
import { parameterCount } from '../model/config.js';
import { resolveModel } from '../model/files.js';
import { encodePrompt } from '../model/positions.js';
import type { DownloadProgress } from '../model/download.js';
import type { TrainableModel } from '../model/trainable.js';
import { findCheckpoint, setAside, type Checkpoint } from './folder/checkpoints.js';
import { changesOf, changeText, refuseMeaningless, type Change } from './folder/resume.js';
import { RunFolder } from './folder/folder.js';
import { lineageOf } from './folder/checkpoints.js';
import type { Lineage } from './folder/environment.js';
import { modelName } from './folder/names.js';
import { findWeights } from '../model/run-weights.js';
import { memoryOfRun, refuseUnfit, type BatchShape } from './forecast/run-memory.js';
import {
  completeAlgorithm,
  loadAlgorithm,
  type Algorithm,
  type CompleteAlgorithm,
} from '../grpo/algorithm.js';
import { combine } from '../data/rewards/combine.js';
import { loadRewards, type NamedReward } from '../data/rewards/load.js';
import { curriculumTask, loadDataset, loadStages, type Dataset } from '../data/tasks/index.js';
import type { Problem, RewardFunction, StopRule, Task } from '../data/tasks/task.js';
import { checkTrackers } from './trackers/tracked.js';
import { evaluate, type Evaluation } from './evaluate.js';
import type { TrainCallbacks, TrainPlan } from './events.js';
import { checkStop, stopRule } from '../grpo/stop.js';

/**
 * What a program may pass to `train`, `plan` and `sft` beside options: callbacks, objects in place of names,
 * and `advantages` or a `loss` of its own.
 *
 * @example
 * ```ts
 * // RLOO: the baseline of a completion is the mean reward of the others in its group.
 * await train(
 *   { model: 'tiny', maxSteps: 50 },
 *   {
 *     save: false,
 *     advantages: ({ rewards, numGenerations: G }) =>
 *       rewards.map((reward, i) => {
 *         const first = i - (i % G);
 *         const sum = rewards.subarray(first, first + G).reduce((a, b) => a + b);
 *         return reward - (sum - reward) / (G - 1);
 *       }),
 *   },
 * );
 * ```
 */
export interface TrainExtras extends TrainCallbacks, Algorithm {
  /** Task in place of the one that the option `task` names. */
  task?: Task;
  /** Reward function in place of the task's own. */
  reward?: RewardFunction;
  /** A model that is loaded already. It is trained in place, and not disposed. */
  model?: TrainableModel;
  /** False: there is no run folder, and nothing is written. Default true. */
  save?: boolean;
  /**
   * True: writes to a run folder although another process has claimed it, which can't be looked at from this
   * machine. Give it only where that process has ended; the error `RUN_LOCKED` says when it is needed.
   */
  takeOver?: boolean;
  /** Ends the run after the token or phase at hand, with a checkpoint; the summary then says `interrupted`. */
  signal?: AbortSignal;
  /** Called while the model is downloaded. */
  onDownload?: (progress: DownloadProgress) => void;
}

type Common = Pick<
  TrainOptions & SftOptions,
  | 'model'
  | 'device'
  | 'dtype'
  | 'threads'
  | 'maxMemory'
  | 'task'
  | 'taskWeights'
  | 'maxOperand'
  | 'operations'
  | 'reward'
  | 'rewardTimeout'
  | 'seed'
  | 'trainSamples'
  | 'uniqueSamples'
  | 'evalSamples'
  | 'maxCompletionLength'
  | 'stop'
  | 'outputDir'
  | 'resume'
  | 'saveSteps'
  | 'reportTo'
> &
  Partial<
    Pick<
      TrainOptions,
      'curriculum' | 'rewardWeights' | 'preset' | 'algorithm' | 'initFrom' | 'beta' | 'syncRefModel'
    >
  >;

export interface Prepared {
  task: Task;
  dataset: Dataset;
  rewards: NamedReward[];
  algorithm: CompleteAlgorithm;
  stop: StopRule | undefined;
  run: RunFolder | undefined;
  /** Of weights that are another run's. */
  lineage: Lineage | undefined;
  resumeFrom: Checkpoint | undefined;
  /** Options that differ from those it was begun with. */
  changes: Change[];
  load(): Promise<TrainableModel>;
  /** @param most problems, of those held out; all by default */
  evaluate(model: TrainableModel, temperature: number, most?: number): Promise<Evaluation>;
  plan(model: TrainableModel, schedule: Schedule): Promise<TrainPlan>;
  /** Gives back a model that `load` loaded. */
  release(): Promise<void>;
}

type Schedule = Pick<TrainPlan, 'kind' | 'steps' | 'promptsPerStep' | 'numGenerations' | 'epochs' | 'beta'> &
  BatchShape;

/**
 * @param config the same options as `config.yaml` has them
 * @param check throws where the model can't be taught these problems, before anything is written
 */
export async function prepare(
  options: Common,
  extras: TrainExtras,
  config: Record<string, unknown>,
  check: (model: TrainableModel, problems: Problem[]) => void = () => undefined,
): Promise<Prepared> {
  checkTrackers(options.reportTo, extras.save !== false);
  const stages = extras.task
    ? [{ untilEpoch: Infinity, task: extras.task, trainSamples: null }]
    : await loadStages(options);
  const task = await curriculumTask(stages);
  const rewards = extras.reward
    ? [{ name: 'reward', reward: extras.reward }]
    : await loadRewards(options.reward, task);
  const algorithm = completeAlgorithm({
    ...(options.algorithm && (await loadAlgorithm(options.algorithm))),
    ...(extras.advantages && { advantages: extras.advantages }),
    ...(extras.loss && { loss: extras.loss }),
  });
  const dataset = await loadDataset(stages, options);
  for (const notice of dataset.notices) extras.onNotice?.(notice);
  const stop = stopRule(options.stop, task);
  const weights =
    typeof options.initFrom === 'string' ? await findWeights(options.initFrom, extras.onNotice) : undefined;
  const lineage = weights === undefined ? undefined : await lineageOf(weights);
  const run = extras.save === false ? undefined : await openRun(options, task, extras);
  const { checkpoint: resumeFrom, changes } = await findResumed(run, options.resume, config, extras);
  let loaded: TrainableModel | undefined;
  let promptLengths: number[] = [];

  return {
    task,
    dataset,
    rewards,
    algorithm,
    stop,
    run,
    lineage,
    resumeFrom,
    changes,
    async load() {
      const model = extras.model ?? (loaded = await loadModel(weights ?? options.model, options, extras));
      checkStop(options.stop, model.tokenizer);
      promptLengths = checkPrompts(model, dataset.train, options.maxCompletionLength);
      checkPrompts(model, dataset.heldOut, options.maxCompletionLength);
      check(model, dataset.train);
      if (run) model.checkSaveable();
      // Nothing was written until here.
      await run?.claim();
      if (run && resumeFrom)
        for (const path of await setAside(run, resumeFrom.state.global_step))
          extras.onNotice?.(`${path} was set aside: the run makes it anew`);
      return model;
    },
    evaluate: (model, temperature, most) =>
      evaluate(model, {
        task,
        ...combine(rewards, options.rewardWeights ?? null, options.rewardTimeout),
        problems: dataset.heldOut.slice(0, most),
        stop,
        maxCompletionLength: options.maxCompletionLength,
        temperature,
        seed: options.seed,
        signal: extras.signal,
      }),
    async plan(model, { parts, sampledTogether, ...schedule }) {
      const engine = await model.info();
      const memory = await memoryOfRun(model, engine, promptLengths, {
        syncRefModel: false,
        ...options,
        ...schedule,
        parts,
        sampledTogether,
        folder: loaded?.folder,
      });
      if (!memory.fits)
        extras.onNotice?.(
          `${memory.text}: what does not fit at once will be done in parts, which takes longer`,
        );
      if (engine.bfloat16Speed !== undefined && engine.bfloat16Speed < 1)
        extras.onNotice?.(
          `this processor multiplies bfloat16 ${engine.bfloat16Speed.toFixed(1)} times as fast as float32: without --dtype bfloat16 the run is faster, and exact`,
        );
      return {
        ...schedule,
        model: options.model,
        modelFolder: model.folder,
        modelType: model.config.modelType,
        parameters: parameterCount(model.config),
        engine,
        task: task.name,
        examplePrompt: (dataset.heldOut[0] ?? dataset.train[0])?.prompt ?? '',
        trainProblems: dataset.train.length,
        repeatedShare: repeatedShare(dataset),
        heldOutProblems: dataset.heldOut.length,
        evalSamples: dataset.heldOut.length,
        startStep: resumeFrom?.state.global_step ?? 0,
        completionsPerStep: schedule.promptsPerStep * schedule.numGenerations,
        memory: memory.bytes,
        outputDir: run?.path,
      };
    },
    async release() {
      run?.release();
      await loaded?.dispose();
    },
  };
}

/** Where a run goes on, and with which options changed. */
async function findResumed(
  run: RunFolder | undefined,
  resume: Common['resume'],
  config: Record<string, unknown>,
  { onNotice }: TrainExtras,
): Promise<{ checkpoint: Checkpoint | undefined; changes: Change[] }> {
  if (!run || resume === false) return { checkpoint: undefined, changes: [] };
  // Before anything is read of it: another process could take the run further meanwhile.
  await run.claim();
  try {
    const checkpoint = await findCheckpoint(run, typeof resume === 'string' ? resume : undefined, onNotice);
    if (!checkpoint) {
      onNotice?.(`${run.path} holds no complete checkpoint: the run starts from the beginning`);
      return { checkpoint, changes: [] };
    }
    const changes = changesOf((await run.readConfig()) ?? {}, config);
    refuseMeaningless(changes);
    for (const change of changes) onNotice?.(`resumed with another option: ${changeText(change)}`);
    return { checkpoint, changes };
  } catch (error) {
    run.release();
    throw error;
  }
}

/** Of the stage that repeats most. */
const repeatedShare = ({ stages }: Dataset): number =>
  Math.max(...stages.map(({ positions }) => 1 - new Set(positions).size / positions.length));

async function openRun(
  { outputDir, resume, model, preset = null }: Common,
  task: Task,
  { takeOver = false }: TrainExtras,
): Promise<RunFolder> {
  if (outputDir !== null) return RunFolder.open(outputDir, { resume: resume !== false, takeOver });
  if (resume !== false)
    throw new GrpoError('RESUME_NOTHING', 'there is no run folder to resume from', {
      fix: 'name it: --output-dir runs/NAME --resume',
    });
  const what = preset ?? task.name.replace(/[^\w.-]+/g, '-');
  return RunFolder.unnamed(`${modelName(model)}-${what}`);
}

async function loadModel(model: string, options: Common, extras: TrainExtras): Promise<TrainableModel> {
  // Loaded here, so that a program with a model of its own needs no addon.
  const { LanguageModel } = await import('../model/language-model.js');
  const download = {
    ...(extras.onDownload && { onProgress: extras.onDownload }),
    ...(extras.signal && { signal: extras.signal }),
    ...(extras.onNotice && { onNotice: extras.onNotice }),
  };
  const folder = await resolveModel(model, download);
  if (options.device === 'cpu') await refuseUnfit(folder, { beta: 0, ...options });
  return LanguageModel.load({
    model: folder,
    device: options.device,
    dtype: options.dtype,
    threads: options.threads,
    maxMemory: options.maxMemory,
    ...download,
  });
}

/** @returns tokens of each different prompt */
function checkPrompts(model: TrainableModel, problems: Problem[], maxCompletionLength: number): number[] {
  const prompts = [...new Set(problems.map(({ prompt }) => prompt))];
  return prompts.map((prompt) => encodePrompt(model, prompt, maxCompletionLength).length);
}
