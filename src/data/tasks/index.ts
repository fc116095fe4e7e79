/** The built-in tasks by name, and whatever a user's module defines. */
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
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

/** What `--task` takes beside a module. */
export const TASK_NAMES = [...Object.keys(TASKS), 'mixed'];

/**
 * @param spec a built-in task's name, or the path of a module that default-exports a task or a function making one
 * @throws {GrpoError} TASK_NOT_FOUND, MODULE_NOT_FOUND, MODULE_FAILED, BAD_TASK, BAD_OPTION
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

/**
 * The stages of a run: those of its curriculum, else one with its task.
 * @throws {GrpoError} CURRICULUM, and whatever `loadTask` throws
 */
export async function loadStages(
  options: TaskOptions & { task: string; curriculum?: readonly StageOptions[] | null },
  folder?: string,
): Promise<CurriculumStage[]> {
  const { curriculum } = options;
  if (!curriculum)
    return [
      { untilEpoch: Infinity, task: await loadTask(options.task, options, folder), trainSamples: null },
    ];
  checkStages(curriculum);
  return Promise.all(
    curriculum.map(async ({ untilEpoch, trainSamples, task = options.task, ...own }, i) => {
      const rest: TaskOptions = { ...options, ...own };
      return {
        // What comes after the last stage is more of it.
        untilEpoch: i === curriculum.length - 1 ? Infinity : untilEpoch!,
        task: await loadTask(task, rest, folder),
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
export type { Dataset, DatasetOptions } from './dataset.js';
export type { TaskOptions } from './options.js';
export { splitOf, splitProblems } from './split.js';
export type * from './task.js';
