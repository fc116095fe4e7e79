/** A task from a user's own module: `--task ./my-task.ts`. */
import { GrpoError, reasonOf } from '../../common/errors.js';
import { asModule, defaultExport, failed } from '../../machine/user-module.js';
import type { TaskOptions } from './options.js';
import type { Task } from './task.js';

/**
 * Loads the default export of a module: a task, or a function (async allowed) from the task options to a
 * task.
 */
export async function loadModuleTask(path: string, options: TaskOptions, folder: string): Promise<Task> {
  let task = await defaultExport(path, folder);
  if (typeof task === 'function') {
    try {
      const make = task as (options: TaskOptions) => unknown;
      task = await asModule(path, () => make(options));
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
  return bound(task as Task, path);
}

type Called = 'problems' | 'stop' | 'isCorrect' | 'extract';

/** The task with functions whose errors become TASK_FAILED and name the module. */
function bound(task: Task, path: string): Task {
  const call =
    <Name extends Called>(name: Name) =>
    (...given: Parameters<NonNullable<Task[Name]>>): ReturnType<NonNullable<Task[Name]>> => {
      const method = task[name] as (...args: typeof given) => ReturnType<NonNullable<Task[Name]>>;
      const fault = (what: string, cause?: unknown) =>
        new GrpoError('TASK_FAILED', `${path}: ${name} ${what}`, {
          fix: 'correct the task',
          value: path,
          exitCode: 1,
          cause,
        });
      const threw = (cause: unknown) => {
        throw cause instanceof GrpoError ? cause : fault(`threw: ${reasonOf(cause)}`, cause);
      };
      let answer: ReturnType<NonNullable<Task[Name]>>;
      try {
        answer = asModule(path, () => method.apply(task, given));
      } catch (cause) {
        return threw(cause);
      }
      if (!(answer instanceof Promise)) return answer;
      // A promise is truthy: with one, `stop` would end every completion at its first token.
      if (name !== 'problems') throw fault('returned a promise, whose answer nobody waits for');
      return answer.catch(threw) as typeof answer;
    };
  const { stop, isCorrect, extract } = task;
  return {
    ...task,
    name: task.name,
    problems: call('problems'),
    reward: (completions) => asModule(path, () => task.reward(completions)),
    ...(stop && { stop: call('stop') }),
    ...(isCorrect && { isCorrect: call('isCorrect') }),
    ...(extract && { extract: call('extract') }),
  };
}

/** What a task lacks, as texts for a message. */
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
