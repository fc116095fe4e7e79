/** Last stage before the steps: what the run is going to do, and the memory it takes. */
import type { Dataset } from '../../data/tasks/index.js';
import type { EngineInfo } from '../../engine/types.js';
import { parameterCount } from '../../model/config.js';
import { adapterCount } from '../../model/lora.js';
import type { TrainPlan } from '../events.js';
import type { TrainExtras } from '../extras.js';
import { memoryOfRun, type BatchShape } from '../forecast/run-memory.js';
import type { Place } from './folder.js';
import type { LoadedModel } from './model.js';
import type { StageOptions } from './options.js';
import type { Subject } from './task.js';

export type Schedule = Pick<
  TrainPlan,
  'kind' | 'steps' | 'promptsPerStep' | 'numGenerations' | 'epochs' | 'beta'
> &
  BatchShape;

export async function planStage(
  options: StageOptions,
  { task }: Subject,
  dataset: Dataset,
  { run, resumeFrom, fork }: Place,
  { model, folder, promptLengths }: LoadedModel,
  { parts, sampledTogether, ...schedule }: Schedule,
  { onNotice }: TrainExtras,
): Promise<{ plan: TrainPlan } & Pick<Awaited<ReturnType<typeof memoryOfRun>>, 'expectedPeak'>> {
  const engine = await model.info();
  const example = dataset.heldOut[0] ?? dataset.train[0];
  const memory = await memoryOfRun(model, engine, promptLengths, {
    syncRefModel: false,
    ...options,
    ...schedule,
    parts,
    sampledTogether,
    folder,
  });
  if (!memory.fits)
    onNotice?.(`${memory.text}: what does not fit at once will be done in parts, which takes longer`);
  const told = aboutDtype(engine, options.dtype, resumeFrom !== undefined);
  if (told !== undefined) onNotice?.(told);
  const plan: TrainPlan = {
    ...schedule,
    model: options.model,
    modelFolder: model.folder,
    modelType: model.config.modelType,
    parameters: parameterCount(model.config),
    trainableParameters: model.lora ? adapterCount(model.config, model.lora) : parameterCount(model.config),
    engine,
    task: task.name,
    examplePrompt: example?.prompt ?? '',
    ...(example?.messages && { exampleMessages: example.messages }),
    trainProblems: dataset.train.length,
    repeatedShare: repeatedShare(dataset),
    heldOutProblems: dataset.heldOut.length,
    evalSamples: dataset.heldOut.length,
    validationProblems: dataset.validation.length,
    startStep: resumeFrom?.state.global_step ?? 0,
    ...(fork && { forkedFrom: fork.run.path }),
    completionsPerStep: schedule.promptsPerStep * schedule.numGenerations,
    memory: memory.bytes,
    outputDir: run?.path,
  };
  return { plan, expectedPeak: memory.expectedPeak };
}

/** What a person should know of the number format; undefined where that is nothing. */
function aboutDtype(
  { dtype, bfloat16 }: EngineInfo,
  asked: StageOptions['dtype'],
  resumed: boolean,
): string | undefined {
  if (asked === 'auto' && resumed) return `dtype auto is ${dtype}, as the run began`;
  if (!bfloat16) return undefined;
  const speed = `this processor multiplies bfloat16 ${bfloat16.speed.toFixed(1)} times as fast as float32`;
  if (asked === 'auto') return `dtype auto is ${dtype}: ${speed}`;
  return bfloat16.speed < 1 ? `${speed}: without --dtype bfloat16 the run is faster, and exact` : undefined;
}

/** Share of an epoch's problems that repeat another, in the curriculum's stage that repeats most. */
const repeatedShare = ({ stages }: Dataset): number =>
  Math.max(...stages.map(({ positions }) => 1 - new Set(positions).size / positions.length));
