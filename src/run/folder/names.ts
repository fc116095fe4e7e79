import { toSnake } from '../../config/names.js';

/** Keys as files have them, all the way down; names with a slash (`eval/accuracy`) are theirs already. */
export function snakeDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [toSnake(key), snakeDeep(part)]));
}

/** What a run of the model is called by: the last part of its path or hub id. */
export function modelName(model: string): string {
  const last = model
    .replace(/[\\/]+$/, '')
    .split(/[\\/]/)
    .at(-1)!;
  return last.replace(/[^\w.-]+/g, '-');
}
