/** Which runs a sweep is made of: a list, a grid, or both; checked before the first one starts. */
import { TRAIN } from '../../run/options.js';
import { resolveConfig, type Source } from '../../config/load.js';
import { trainDefaults } from '../train-defaults.js';
import { GrpoError, cut, shown } from '../../common/errors.js';
import { isObject } from '../../common/json.js';

/** Folder of the runs' configurations, beside the runs: hidden, so that `compare runs/*` names runs alone. */
export const CONFIGS = '.configs';
/** Characters of a run's name: file systems take 255 bytes, and something is put behind it. */
const LONGEST = 200;
/** Runs of a grid. */
const MOST = 10_000;

/** Options of training, by their names in files. */
type Options = Record<string, unknown>;

export interface SweepSpec {
  /** Options that every run has, unless it says otherwise. */
  base: Options;
  /** Options of each run, on top; a `name` names its folder. One run without more where it is empty. */
  runs: Options[];
  /** Of each option, the values that it takes: every combination, of every run. */
  grid: Record<string, unknown[]>;
}

export interface PlannedRun {
  /** Of its folder, and to tell the runs apart. */
  name: string;
  /** What is given of it. */
  options: Options;
}

/**
 * @throws {GrpoError} SWEEP where there is nothing to run or two runs have one name; whatever is wrong with
 * the options of one
 */
export function planSweep({ base, runs, grid }: SweepSpec): PlannedRun[] {
  const listed = runs.length > 0 ? runs : [{}];
  const planned = listed.flatMap((run) =>
    combinations(grid).map((point): PlannedRun => {
      const { name, ...own } = run;
      if (name !== undefined) checkName(name);
      const options: Options = { ...base, ...own, ...point };
      const named = typeof name === 'string';
      // Told apart by what differs: the grid's options, and, without a name, the run's own.
      const told = { ...(!named && listed.length > 1 && own), ...point };
      const first = named ? name : plain(textOf(options.preset ?? options.task ?? 'run')) || 'run';
      const rest = Object.entries(told).filter(([option]) => option !== 'preset' && option !== 'task');
      return { name: [first, ...rest.map(label)].join('-').slice(0, LONGEST), options };
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

/** It becomes a folder in that of the sweep, and nowhere else. */
function checkName(name: unknown): void {
  if (typeof name === 'string' && /^\w[\w.-]*$/.test(name) && name.length <= LONGEST) return;
  throw new GrpoError('SWEEP', `a run cannot be called ${shown(name)}`, {
    fix: `take letters, digits, dots and dashes, at most ${LONGEST}, with a letter or digit first`,
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
  if (!(count <= MOST))
    throw new GrpoError('SWEEP', `the grid has ${count} combinations`, {
      fix: `leave at most ${MOST}: name the runs that matter in \`runs\``,
      value: count,
    });
  return Object.entries(grid).reduce<Options[]>(
    (points, [option, values]) =>
      points.flatMap((point) => values.map((value) => ({ ...point, [option]: value }))),
    [{}],
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : shown(value));

/** The last part of a path, as far as a folder may be called so. */
const plain = (text: string): string =>
  text
    .replace(/^.*[\\/]/s, '')
    .replace(/[^\w.]+/g, '-')
    .replace(/^[-.]+|-+$/g, '');

/** `beta0.1`, `seed2`: of any value, what a folder may be called. */
function label([option, value]: [string, unknown]): string {
  return `${option}${textOf(value)}`.replace(/[^\w.]+/g, '_').slice(0, 60);
}

const labelled = (run: string, options: Options): Source => ({
  values: options,
  label: (option) => `run ${run}: ${option}`,
});

/** A sweep from a YAML file and flags; a flag that was given several times is a dimension of the grid. */
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
    // What the command line says has precedence, whatever the file says of a run.
    base: base as Options,
    runs: (runs as Options[]).map((run) => ({ ...run, ...Object.fromEntries(single.map(first)) })),
    grid: { ...(grid as Record<string, unknown[]>), ...Object.fromEntries(several) },
    ...((runs as Options[]).length === 0 && {
      base: { ...(base as Options), ...Object.fromEntries(single.map(first)) },
    }),
  };
}

const first = ([option, values]: [string, unknown[]]): [string, unknown] => [option, values[0]];
