/**
 * Options in the form that programs use: camelCase names, with values that depend on other options filled in.
 */
import type { z } from 'zod';
import { camelKeys, snakeKeys, type CamelKeys } from '../config/names.js';
import { datasetDefaults } from '../data/options.js';
import { modelDefaults, TINY_MODEL } from './defaults.js';
import { SFT, type TRAIN } from './options.js';
import type { StageOptions } from '../data/tasks/curriculum.js';
import { programSource, resolveConfig, type Defaults } from '../config/load.js';

/** Options in the form that files have: TRL's names, with underscores. */
export type TrainConfig = z.output<typeof TRAIN>;
export type SftConfig = z.output<typeof SFT>;

/**
 * What ends a completion early: `answer`, the task's stop rule; `none`, nothing; or texts that end it where
 * they appear.
 */
export type StopOption = 'answer' | 'none' | string[];

type Resolved<T> = Omit<CamelKeys<T>, 'stop' | 'epsilonHigh' | 'curriculum'> &
  ('stop' extends keyof T ? { stop: StopOption } : object) &
  ('epsilon_high' extends keyof T ? { epsilonHigh: number } : object) &
  ('curriculum' extends keyof T ? { curriculum: StageOptions[] | null } : object);

/** Every option of a training run, in camelCase. */
export type TrainOptions = Resolved<TrainConfig>;
/** Every option of a supervised run, in camelCase. */
export type SftOptions = Resolved<SftConfig>;

/** Converts options from the form of files to that of programs. */
export function toOptions<T extends object>(config: T): Resolved<T> {
  const options = camelKeys(config) as Record<string, unknown>;
  if ('stop' in options) options.stop = stopOption(options.stop as string | string[]);
  if ('epsilonHigh' in options) options.epsilonHigh ??= options.epsilon;
  if (Array.isArray(options.curriculum)) options.curriculum = options.curriculum.map(camelKeys);
  return options as Resolved<T>;
}

function stopOption(stop: string | string[]): StopOption {
  if (Array.isArray(stop)) return stop;
  return stop === 'answer' || stop === 'none' ? stop : [stop];
}

/** Any of the options in `TrainOptions`; the others have their defaults. */
export type TrainInput = Partial<Omit<CamelKeys<z.input<typeof TRAIN>>, 'curriculum'>> & {
  /** Tasks one after another, in place of `task`; null: there is one task. */
  curriculum?: StageOptions[] | null;
};
/** Any of the options in `SftOptions`; the others have their defaults. */
export type SftInput = Partial<CamelKeys<z.input<typeof SFT>>>;

/** The defaults of supervised fine-tuning that depend on the model, or on whether there is a dataset. */
export const sftDefaults: Defaults = (given) => ({
  ...modelDefaults('sft', given.model ?? TINY_MODEL),
  ...datasetDefaults(given),
});

/** @throws {GrpoError} UNKNOWN_OPTION, BAD_OPTION */
export function sftConfig(input: SftInput = {}): SftConfig {
  return resolveConfig(SFT, [programSource(snakeKeys(input))], sftDefaults);
}
