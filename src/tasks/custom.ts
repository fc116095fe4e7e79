/** Tasks and rewards from a user's own module: `--task ./my-task.ts`, `--reward ./my-reward.js`. */
import { access } from 'node:fs/promises';
import { extname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GrpoError } from '../errors.js';
import type { TaskOptions } from './options.js';
import type { RewardFunction, Task } from './task.js';

const TYPESCRIPT = ['.ts', '.mts', '.cts'];
const EXTENSIONS = [...TYPESCRIPT, '.js', '.mjs', '.cjs'];

export function isModulePath(spec: string): boolean {
  return spec.startsWith('.') || isAbsolute(spec) || EXTENSIONS.includes(extname(spec));
}

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

/** The module's default export: a function from completions to one number each. */
export async function loadReward(path: string, folder = process.cwd()): Promise<RewardFunction> {
  const reward = await defaultExport(path, folder);
  if (typeof reward === 'function') return reward as RewardFunction;
  throw new GrpoError('BAD_REWARD', `${path}: the default export is ${kindOf(reward)}, not a function`, {
    fix: 'default-export a function that takes a list of { prompt, completion, answer } and returns a number for each',
    value: path,
  });
}

function missingOf(task: unknown): string[] {
  if (typeof task !== 'object' || task === null)
    return ['name (text)', 'problems (function)', 'reward (function)'];
  const { name, problems, reward, stop, isCorrect } = task as Record<string, unknown>;
  return [
    ...(typeof name === 'string' && name !== '' ? [] : ['name (text)']),
    ...(typeof problems === 'function' ? [] : ['problems (function)']),
    ...(typeof reward === 'function' ? [] : ['reward (function)']),
    ...(stop === undefined || typeof stop === 'function' ? [] : ['stop that is a function']),
    ...(isCorrect === undefined || typeof isCorrect === 'function' ? [] : ['isCorrect that is a function']),
  ];
}

async function defaultExport(path: string, folder: string): Promise<unknown> {
  const file = resolve(folder, path);
  if (!EXTENSIONS.includes(extname(file))) {
    throw new GrpoError('MODULE_NOT_FOUND', `${path} is no module (${EXTENSIONS.join(', ')})`, {
      fix: 'give the path of the file, with its extension',
      value: path,
    });
  }
  try {
    await access(file);
  } catch {
    throw new GrpoError('MODULE_NOT_FOUND', `there is no file ${file}`, {
      fix: 'give the path of the module, from the folder that the command runs in',
      value: path,
    });
  }
  let loaded: unknown;
  try {
    loaded = await importModule(file);
  } catch (cause) {
    throw failed(path, cause);
  }
  // A transpiled CommonJS module has its default export one level down.
  let value = (loaded as { default?: unknown }).default;
  if (typeof value === 'object' && value !== null && 'default' in value) value = value.default;
  if (value !== undefined) return value;
  throw new GrpoError('MODULE_FAILED', `${path} has no default export`, {
    fix: 'write `export default` before the task or the reward function (`module.exports =` in CommonJS)',
    value: path,
  });
}

async function importModule(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href;
  if (!TYPESCRIPT.includes(extname(file))) return import(url);
  // Node 20 runs no TypeScript by itself; the loader is needed for nothing else.
  const { createJiti } = await import('jiti');
  return createJiti(url).import(file);
}

function failed(path: string, cause: unknown): GrpoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new GrpoError('MODULE_FAILED', `${path} could not be loaded: ${message}`, {
    fix: 'mend the module; `node` (or `npx tsx`) run on it shows where it fails',
    value: path,
    cause,
  });
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
