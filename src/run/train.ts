/** A training run with GRPO: its stages, each taking what those before it gave, then its steps. */
import type { NamedReward } from '../data/rewards/types.js';
import type { Dataset } from '../data/tasks/index.js';
import { planBatches } from '../grpo/batches.js';
import { checkCombinations } from '../grpo/combinations.js';
import type { RunMetricName } from '../grpo/metrics.js';
import { Split } from '../grpo/split.js';
import { rewardColumns } from '../grpo/step-metrics.js';
import type { TrainableModel } from '../model/trainable.js';
import { checkChoosing, checkPlaceOfBest, choosingOf } from './choosing.js';
import type { Forecast, TrainPlan, TrainSummary } from './events.js';
import type { TrainExtras } from './extras.js';
import type { Checkpoint } from './folder/checkpoints.js';
import { forecast } from './forecast/forecast.js';
import { grpoMethod, referenceMoves, type GrpoStages, type TrainMemory } from './grpo-method.js';
import { checkResumed } from './resumed.js';
import { restore } from './folder/restore.js';
import type { Session } from './method.js';
import { runSession } from './session.js';
import { together } from './together.js';
import { evaluatedReward, taskColumns, VALIDATION_COLUMNS } from './evaluate.js';
import { dataStage, evaluation } from './stages/data.js';
import { folderStage } from './stages/folder.js';
import { modelStage } from './stages/model.js';
import { optionsStage } from './stages/options.js';
import { planStage } from './stages/plan.js';
import { taskStage } from './stages/task.js';
import { toOptions, type TrainConfig, type TrainOptions } from './train-options.js';

/** A training run by its resolved options. */
export const runTraining = (config: TrainConfig, extras: TrainExtras = {}): Promise<TrainSummary> =>
  together(extras, (joined) => trainInThisProcess(config, joined));

async function trainInThisProcess(config: TrainConfig, extras: TrainExtras): Promise<TrainSummary> {
  const options = toOptions(config);
  checkPlaceOfBest(options, extras.save);
  let opened: Training | undefined;
  const open = async () => void (opened = await openTraining(options, extras, config));
  try {
    // What is wrong with options, data or model, most often in all processes, is told once.
    await (extras.ranks ? extras.ranks.all(open) : open());
    const training = opened!;
    const summary = await runSession({
      ...training.session,
      method: await training.method(),
      // How long a probe takes decides how many steps it has: several processes would not agree.
      ...(options.probe && !extras.ranks && { forecast: training.forecast }),
    });
    // A program that gave its model goes on with it.
    if (
      extras.model &&
      options.loadBestModelAtEnd &&
      !summary.interrupted &&
      summary.best?.model !== undefined
    )
      await extras.model.loadWeights(summary.best.model);
    return summary;
  } finally {
    await opened?.close();
  }
}

/** A run before its first step. */
export interface Training {
  plan: TrainPlan;
  session: Omit<Session, 'method'>;
  method: () => Promise<Session['method']>;
  /** Says what the run will be like. Leaves no trace. */
  forecast: () => Promise<Forecast>;
  close: () => Promise<void>;
}

/**
 * All stages of a run. Nothing is written and no weight is read before everything else was checked.
 * @param config the options as `config.yaml` has them
 */
export async function openTraining(
  options: TrainOptions,
  extras: TrainExtras,
  config: Record<string, unknown>,
): Promise<Training> {
  const { signal } = extras;
  optionsStage(options, extras);
  checkChoosing(options);
  const subject = await taskStage(options, extras);
  const dataset = await dataStage(options, subject, extras);
  const place = await folderStage(options, subject, config, extras);
  const { run, resumeFrom } = place;
  let close = async () => run?.release();
  try {
    const adapters = extras.model ? extras.model.lora !== undefined : options.usePeft;
    for (const notice of checkCombinations(options, subject.rewards.length, adapters))
      extras.onNotice?.(notice);
    const batches = planBatches(dataset.stages, options);
    checkResumed(place, batches.totalSteps, config, extras.onNotice);

    const loaded = await modelStage(options, dataset, place, extras);
    close = async () => {
      run?.release();
      await loaded.dispose();
    };
    const { model } = loaded;
    await prepareWeights(model, options, resumeFrom);

    const { plan, expectedPeak } = await planStage(
      options,
      subject,
      dataset,
      place,
      loaded,
      {
        kind: 'grpo',
        steps: batches.totalSteps,
        promptsPerStep: batches.promptsPerStep,
        sampledTogether: batches.promptsPerStep * batches.partsPerGeneration,
        parts: options.gradientAccumulationSteps * batches.partsPerGeneration,
        numGenerations: options.numGenerations,
        epochs: batches.epochs,
        beta: options.beta,
      },
      extras,
    );
    const memory = resumeFrom?.state.memory as TrainMemory | undefined;
    const split = new Split(memory?.split, extras.onNotice);
    const choosing = choosingOf(options);
    const evaluate = evaluation(options, subject, dataset.heldOut, extras);
    const validate = choosing && evaluation(options, subject, dataset.validation, extras);
    const stages: GrpoStages = { subject, dataset, place, model, batches, split, evaluate, validate };
    return {
      plan,
      session: {
        model,
        options,
        choosing,
        config,
        lineage: place.lineage,
        dataset: subject.task.source,
        fingerprints: loaded.fingerprints,
        changes: place.changes,
        savesReference: options.beta !== 0 && referenceMoves(options, resumeFrom),
        fork: place.fork,
        columns: columnsOf(subject.rewards, dataset),
        plan,
        ranks: extras.ranks,
        run,
        resumeFrom,
        callbacks: extras,
        signal,
      },
      method: () => grpoMethod(options, stages, extras),
      forecast: async () => {
        const still = { ...options, learningRate: 0, syncRefModel: false };
        const traceless = { ...stages, place: { run: undefined, resumeFrom, fork: undefined } };
        const method = await grpoMethod(still, traceless, { ...(signal && { signal }) });
        return forecast(model, method, evaluate, { ...plan, expectedPeak }, options);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The reference model, which is the policy before its first step, and then the checkpoint's weights. */
async function prepareWeights(
  model: TrainableModel,
  options: TrainOptions,
  resumeFrom: Checkpoint | undefined,
): Promise<void> {
  if (options.beta !== 0) await model.freezeReference();
  if (!resumeFrom) return;
  await restore(model, resumeFrom);
  if (options.beta !== 0 && resumeFrom.reference !== undefined)
    await model.loadReference(resumeFrom.reference);
}

/** Columns of `metrics.csv` that only runs with several rewards or tasks have, or those that choose. */
function columnsOf(rewards: readonly NamedReward[], dataset: Dataset): RunMetricName[] {
  const tasks = [...new Set(dataset.heldOut.map(({ task }) => task))].filter((name) => name !== undefined);
  return [
    ...(rewards.length > 1
      ? rewards.flatMap(({ name }) => [...rewardColumns(name), evaluatedReward(name)])
      : []),
    ...(tasks.length > 1 ? taskColumns(tasks) : []),
    ...(dataset.validation.length > 0 ? VALIDATION_COLUMNS : []),
  ];
}
