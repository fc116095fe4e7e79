/** A task from a user's own module: `--task ./my-task.ts`. */
import { GrpoError } from '../errors.js';
import { defaultExport, failed } from '../user-module.js';
import type { TaskOptions } from './options.js';
import type { Task } from './task.js';

/** The module's default export: a task, or a function (async allowed) that makes one of the task options. */
export async function loadModuleTask(path: string, options: TaskOptions, folder: string): Promise<Task> {
  let task = await defaultExport(path, folder);
  if (typeof task === 'function') {
    try {
      task = await (task as (options: TaskOptions) => unknown)(options);
    } catch (cause) {
      throw failed(path, cause);
    }
  }
  const missing = missingOf(task);
  if (missing.length > 0) {
    throw new GrpoError('BAD_TASK', `${path}: the task has no ${missing.join(', no ')}`, {
      fix: 'default-export { name, problems(), reward(completions), stop?(text, problem) }, or a function that returns one',
      value: path,
    });
  }
  return task as Task;
}

function missingOf(task: unknown): string[] {
  if (typeof task !== 'object' || task === null)
    return ['name (text)', 'problems (function)', 'reward (function)'];
  const { name, problems, reward, stop, isCorrect, extract, notices } = task as Record<string, unknown>;
  return [
    ...(typeof name === 'string' && name !== '' ? [] : ['name (text)']),
    ...(typeof problems === 'function' ? [] : ['problems (function)']),
    ...(typeof reward === 'function' ? [] : ['reward (function)']),
    ...(stop === undefined || typeof stop === 'function' ? [] : ['stop that is a function']),
    ...(isCorrect === undefined || typeof isCorrect === 'function' ? [] : ['isCorrect that is a function']),
    ...(notices === undefined || isTexts(notices) ? [] : ['notices that are a list of texts']),
    ...(extract === undefined || typeof extract === 'function' ? [] : ['extract that is a function']),
  ];
}

const isTexts = (value: unknown) =>
  Array.isArray(value) && value.every((item: unknown) => typeof item === 'string');
