/** Finds tasks: built-in ones by name, mixtures, those of a user's module, and datasets. */
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import { checkGiven } from '../datasets/given.js';
import type { DatasetExtras } from '../datasets/hub.js';
import type { DatasetTaskOptions } from '../datasets/options.js';
import { loadDatasetTask } from '../datasets/task.js';
import { arithmetic } from './arithmetic.js';
import { binary } from './binary.js';
import { comparison } from './comparison.js';
import { counting } from './counting.js';
import { checkStages, type CurriculumStage, type StageOptions } from './curriculum.js';
import { loadModuleTask } from './custom.js';
import { JOURNAL_WEIGHTS, mixed } from './mixed.js';
import type { TaskOptions } from './options.js';
import type { Task } from './task.js';
import { isModulePath } from '../../machine/user-module.js';

/** To add a task: one file beside these, and a line here. */
const TASKS: Record<string, (options: TaskOptions) => Task> = { arithmetic, counting, comparison, binary };

/** Names of the built-in tasks; `mixed` mixes them by `taskWeights`. */
export const TASK_NAMES = [...Object.keys(TASKS), 'mixed'];

/**
 * A built-in task by name, or one from a module.
 *
 * @param spec name of a built-in task, or path of a module that default-exports a `Task` or a function from
 * `TaskOptions` to one
 * @param folder that a relative path starts from; default the working directory
 * @throws {GrpoError} TASK_NOT_FOUND, MODULE_NOT_FOUND, MODULE_FAILED, BAD_TASK, BAD_OPTION, TASK_FAILED
 *
 * @example
 * ```ts
 * const task = await loadTask('arithmetic', { maxOperand: 10 });
 * ```
 */
export async function loadTask(
  spec: string,
  options: TaskOptions = {},
  folder = process.cwd(),
): Promise<Task> {
  if (Object.hasOwn(TASKS, spec)) return TASKS[spec]!(options);
  if (spec === 'mixed') return loadMixture(options, folder);
  if (isModulePath(spec)) return loadModuleTask(spec, options, folder);
  const meant = nearest(spec, TASK_NAMES);
  throw new GrpoError(
    'TASK_NOT_FOUND',
    `there is no task ${shown(spec)}${meant ? `: did you mean ${meant}?` : ''}`,
    {
      fix: `use one of ${TASK_NAMES.join(', ')}, or the path of a module such as ./my-task.ts`,
      value: spec,
    },
  );
}

/** Options that say what is learned: a task, or a dataset and its columns. */
export type ChosenTask = TaskOptions &
  Partial<Omit<DatasetTaskOptions, 'datasetName'>> & {
    task: string | null;
    datasetName?: DatasetTaskOptions['datasetName'] | null;
  };

/**
 * The task that options name, or the dataset.
 * @param extras where a dataset is downloaded
 * @throws {GrpoError} BAD_COMBINATION, and whatever `loadTask` and `loadDatasetTask` throw
 */
export async function chosenTask(options: ChosenTask, extras?: DatasetExtras): Promise<Task> {
  checkGiven(options);
  const { task, datasetName = null } = options;
  return datasetName === null
    ? loadTask(task!, options)
    : loadDatasetTask({ ...options, datasetName }, extras);
}

/**
 * The stages of a run: those of its curriculum, else one with its task.
 * @param extras where a dataset is downloaded
 * @throws {GrpoError} CURRICULUM, and whatever `chosenTask` throws
 */
export async function loadStages(
  options: ChosenTask & { curriculum?: readonly StageOptions[] | null },
  extras?: DatasetExtras,
): Promise<CurriculumStage[]> {
  const { curriculum } = options;
  if (!curriculum)
    return [{ untilEpoch: Infinity, task: await chosenTask(options, extras), trainSamples: null }];
  checkGiven(options);
  checkStages(curriculum);
  return Promise.all(
    curriculum.map(async ({ untilEpoch, trainSamples, task = options.task!, ...own }, i) => {
      const rest: TaskOptions = { ...options, ...own };
      return {
        // The last stage goes on to the end of the run.
        untilEpoch: i === curriculum.length - 1 ? Infinity : untilEpoch!,
        task: await loadTask(task, rest),
        trainSamples: trainSamples ?? null,
      };
    }),
  );
}

async function loadMixture(options: TaskOptions, folder: string): Promise<Task> {
  const weights = options.taskWeights ?? JOURNAL_WEIGHTS;
  const parts: [Task, number][] = [];
  for (const [spec, weight] of Object.entries(weights)) {
    if (spec === 'mixed') throw badWeights('a mixture cannot hold a mixture', weights);
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw badWeights(`the weight of ${spec} is ${weight}`, weights);
    if (weight === 0) continue;
    parts.push([await loadTask(spec, options, folder), weight]);
  }
  const byName = Object.fromEntries(parts.map(([task, weight]) => [task.name, weight]));
  if (parts.length === 0) throw badWeights('no task has a weight', weights);
  if (Object.keys(byName).length < parts.length)
    throw badWeights('two of its tasks have the same name', weights);
  return mixed(
    parts.map(([task]) => task),
    byName,
  );
}

function badWeights(what: string, value: unknown): GrpoError {
  return new GrpoError('BAD_OPTION', `task_weights: ${what}`, {
    fix: 'give each task of the mixture a weight above 0, such as arithmetic=2,counting=1',
    value,
  });
}

export { curriculumTask, type CurriculumStage, type StageOptions } from './curriculum.js';
export { loadDataset, loadProblems, loadSplit } from './dataset.js';
export type { Dataset, DatasetOptions, DatasetStage } from './dataset.js';
export { loadDatasetTask } from '../datasets/task.js';
export type { DatasetExtras } from '../datasets/hub.js';
export type { DatasetTaskOptions } from '../datasets/options.js';
export type { DatasetSource, SourceFile } from '../datasets/source.js';
export type { TaskOptions } from './options.js';
export { splitOf, splitProblems } from './split.js';
export type * from './task.js';
