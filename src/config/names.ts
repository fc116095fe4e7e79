/** One name in three spellings: `batch_size` in files, `--batch-size` as a flag, `batchSize` in TypeScript. */

export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

export type CamelKeys<T> = { [K in keyof T as K extends string ? CamelCase<K> : K]: T[K] };

export const toCamel = (name: string): string =>
  name.replace(/[_-]+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

export const toSnake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');

export const toKebab = (name: string): string => toSnake(name).replaceAll('_', '-');

/**
 * Rewrites flags with underscores to dashes: `--batch_size`, the spelling of YAML files, TRL and
 * `--print-config`, is accepted too. Arguments after a bare `--` are left unchanged.
 */
export function kebabFlags(args: string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, i) =>
    end >= 0 && i > end ? arg : arg.replace(/^--[^=.]+/, (flag) => flag.replaceAll('_', '-')),
  );
}

/** Renames the keys of `values`; keys of nested objects are left unchanged. */
export function camelKeys<T extends object>(values: T): CamelKeys<T> {
  return renamed(values, toCamel) as CamelKeys<T>;
}

export function snakeKeys(values: object): Record<string, unknown> {
  return renamed(values, toSnake);
}

function renamed(values: object, rename: (name: string) => string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [rename(name), value as unknown]));
}
