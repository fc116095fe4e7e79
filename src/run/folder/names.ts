/** Names in run folders: keys of JSON files, and the name of the model. */
import { toSnake } from '../../config/names.js';

/** Converts the keys of nested objects to snake_case; names with a slash (`eval/accuracy`) stay as they are. */
export function snakeDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [toSnake(key), snakeDeep(part)]));
}

/** The name of a model in the names of runs: the last part of its path or hub id. */
export function modelName(model: string): string {
  const last = model
    .replace(/[\\/]+$/, '')
    .split(/[\\/]/)
    .at(-1)!;
  return last.replace(/[^\w.-]+/g, '-');
}
