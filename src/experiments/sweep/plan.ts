/** Expands a sweep (a list of runs, a grid of options, or both) into its runs, and checks their options before any starts. */
import { TRAIN } from '../../run/options.js';
import { resolveConfig, type Source } from '../../config/load.js';
import { trainDefaults } from '../train-defaults.js';
import { GrpoError, cut, shown } from '../../common/errors.js';
import { isObject } from '../../common/json.js';

/** Folder of the runs' configurations, in the sweep's folder. Hidden, so that `compare runs/*` matches only runs. */
export const CONFIGS = '.configs';
/** Longest name of a run, in characters: file systems allow 255 bytes, and suffixes are added to it. */
const MAX_NAME_LENGTH = 200;
/** Most combinations that a grid may have. */
const MAX_COMBINATIONS = 10_000;

/** Options whose value begins a run's name: the first that is given. */
const NAMING = ['preset', 'dataset_name', 'task'];

/** Options of training by their snake_case names. */
type Options = Record<string, unknown>;

export interface SweepSpec {
  /** Options of all runs, which a run's own override. */
  base: Options;
  /** Own options of each run; `name` names its folder. An empty list means a single run with the base alone. */
  runs: Options[];
  /** Values for each option of the grid; every run is repeated with every combination of them. */
  grid: Record<string, unknown[]>;
}

export interface PlannedRun {
  /** Name of the run's folder, unique in the sweep. */
  name: string;
  /** The options given for it: the base's, its own, and the grid's. */
  options: Options;
}

/**
 * @throws {GrpoError} SWEEP if the grid or a name is invalid, or two runs have the same name; the errors of
 * `resolveConfig` for the options of a run
 */
export function planSweep({ base, runs, grid }: SweepSpec): PlannedRun[] {
  const listed = runs.length > 0 ? runs : [{}];
  const planned = listed.flatMap((run) =>
    combinations(grid).map((point): PlannedRun => {
      const { name, ...own } = run;
      if (name !== undefined) checkName(name);
      const options: Options = { ...base, ...own, ...point };
      const named = typeof name === 'string';
      // The name holds the options that differ between runs: the grid's and, for a run without a name, its own.
      const differing = { ...(!named && listed.length > 1 && own), ...point };
      const naming = named ? undefined : NAMING.find((option) => (options[option] ?? null) !== null);
      const first = named
        ? name
        : folderName(textOf(naming === undefined ? 'run' : options[naming])) || 'run';
      const rest = Object.entries(differing).filter(([option]) => option !== naming);
      return { name: [first, ...rest.map(nameAndValue)].join('-').slice(0, MAX_NAME_LENGTH), options };
    }),
  );
  const names = planned.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new GrpoError('SWEEP', `two runs of the sweep are called ${twice}`, {
      fix: 'give each run a name of its own, with letters, digits, dots and dashes',
      value: twice,
    });
  for (const { name, options } of planned) resolveConfig(TRAIN, [labelled(name, options)], trainDefaults);
  return planned;
}

/** A run's name becomes a folder's: it must not lead out of the sweep's folder. */
function checkName(name: unknown): void {
  if (typeof name === 'string' && /^\w[\w.-]*$/.test(name) && name.length <= MAX_NAME_LENGTH) return;
  throw new GrpoError('SWEEP', `a run cannot be called ${shown(name)}`, {
    fix: `take letters, digits, dots and dashes, at most ${MAX_NAME_LENGTH}, with a letter or digit first`,
    value: name,
  });
}

function combinations(grid: Record<string, unknown[]>): Options[] {
  for (const [option, values] of Object.entries(grid))
    if (!Array.isArray(values) || values.length === 0)
      throw new GrpoError('SWEEP', `grid: ${cut(option)} has no values`, {
        fix: `write them as a list, such as ${cut(option)}: [0, 0.1]`,
        value: values,
      });
  const count = Object.values(grid).reduce((product, { length }) => product * length, 1);
  if (!(count <= MAX_COMBINATIONS))
    throw new GrpoError('SWEEP', `the grid has ${count} combinations`, {
      fix: `leave at most ${MAX_COMBINATIONS}: name the runs that matter in \`runs\``,
      value: count,
    });
  return Object.entries(grid).reduce<Options[]>(
    (points, [option, values]) =>
      points.flatMap((point) => values.map((value) => ({ ...point, [option]: value }))),
    [{}],
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : shown(value));

/** The last component of a path, without characters that a folder's name should not have. */
const folderName = (text: string): string =>
  text
    .replace(/^.*[\\/]/s, '')
    .replace(/[^\w.]+/g, '-')
    .replace(/^[-.]+|-+$/g, '');

/** An option and its value as part of a folder's name, such as `beta0.1` or `seed2`. */
function nameAndValue([option, value]: [string, unknown]): string {
  return `${option}${textOf(value)}`.replace(/[^\w.]+/g, '_').slice(0, 60);
}

const labelled = (run: string, options: Options): Source => ({
  values: options,
  label: (option) => `run ${run}: ${option}`,
});

/** Reads a sweep from a YAML file and flags; a flag that is given several times is a dimension of the grid. */
export function sweepOf(
  file: Source | undefined,
  flags: Record<string, unknown[]>,
): SweepSpec & {
  outputDir: string | undefined;
} {
  const { base = {}, runs = [], grid = {}, output_dir: outputDir, ...unknown } = file?.values ?? {};
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined)
    throw new GrpoError('SWEEP', `${file!.label(stranger)} is nothing that a sweep has`, {
      fix: 'a sweep has output_dir, base (options of all runs), runs (a list of options) and grid (lists of values)',
      value: stranger,
    });
  const wrong = !isObject(base)
    ? 'base'
    : !isObject(grid)
      ? 'grid'
      : !Array.isArray(runs) || !runs.every(isObject)
        ? 'runs'
        : outputDir !== undefined && typeof outputDir !== 'string'
          ? 'output_dir'
          : '';
  if (wrong !== '')
    throw new GrpoError('SWEEP', `${file!.label(wrong)} is ${shown(file!.values[wrong])}`, {
      fix: 'base is options with their values, runs a list of such, grid options with lists of values, output_dir a folder',
      value: file!.values[wrong],
    });
  const single = Object.entries(flags).filter(([, values]) => values.length === 1);
  const several = Object.entries(flags).filter(([, values]) => values.length > 1);
  return {
    outputDir: outputDir as string | undefined,
    // Flags take precedence over the file, over the own options of a run too.
    base: base as Options,
    runs: (runs as Options[]).map((run) => ({ ...run, ...Object.fromEntries(single.map(first)) })),
    grid: { ...(grid as Record<string, unknown[]>), ...Object.fromEntries(several) },
    ...((runs as Options[]).length === 0 && {
      base: { ...(base as Options), ...Object.fromEntries(single.map(first)) },
    }),
  };
}

const first = ([option, values]: [string, unknown[]]): [string, unknown] => [option, values[0]];
