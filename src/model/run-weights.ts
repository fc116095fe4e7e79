/** Where a run left its weights. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ADAPTER_CONFIG } from '../hub/file-names.js';
import { exists } from '../machine/files.js';
import { GrpoError } from '../common/errors.js';
import { parseYaml } from '../config/load.js';

/** Name of the folder with a run's checkpoints. */
export const CHECKPOINTS = 'checkpoints';

/** Name of the folder with a run's best weights, where it chooses. */
export const BEST = 'best';

/** Steps of the checkpoints in a folder, ascending. */
export const stepsIn = (folder: string): Promise<number[]> => numbered(folder, 'checkpoint');

/** The numbers N of the entries `name-N` of a folder, ascending. */
export async function numbered(folder: string, name: string): Promise<number[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries
    .filter((entry) => entry.startsWith(`${name}-`))
    .map((entry) => entry.slice(name.length + 1))
    .filter((number) => /^\d+$/.test(number))
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * The model folder that `from` names: the folder itself where it is one; for `RUN` its final model (its
 * best one, where it ended with `load_best_model_at_end`), else its newest checkpoint; for `RUN/checkpoint-N` that
 * checkpoint. Undefined where there is none.
 * @param onNotice called where the result is another folder than `from`
 */
export async function weightsOf(
  from: string,
  onNotice?: (text: string) => void,
): Promise<string | undefined> {
  const folder = resolve(from);
  const candidates = [
    folder,
    ...((await standsForBest(folder)) ? [join(folder, BEST)] : []),
    join(folder, 'final'),
    join(dirname(folder), CHECKPOINTS, basename(folder)),
    ...(await stepsIn(join(folder, CHECKPOINTS)))
      .reverse()
      .map((step) => join(folder, CHECKPOINTS, `checkpoint-${step}`)),
  ];
  for (const candidate of candidates) {
    if (!(await exists(join(candidate, 'config.json'))) && !(await exists(join(candidate, ADAPTER_CONFIG))))
      continue;
    if (candidate !== folder) onNotice?.(`the weights of ${from} are those in ${candidate}`);
    return candidate;
  }
  return undefined;
}

/**
 * The same, for weights that must exist.
 * @throws {GrpoError} INIT_FROM
 */
export async function findWeights(from: string, onNotice?: (text: string) => void): Promise<string> {
  const weights = await weightsOf(from, onNotice);
  if (weights !== undefined) return weights;
  throw new GrpoError('INIT_FROM', `${from} holds no weights of a run`, {
    fix: 'give the folder of a run that has ended or saved a checkpoint, such as runs/NAME or runs/NAME/checkpoint-100',
    value: from,
  });
}

/** Whether a run has ended, and its result is its best weights. */
async function standsForBest(run: string): Promise<boolean> {
  if (!(await exists(join(run, 'final')))) return false;
  const file = join(run, 'config.yaml');
  const text = await readFile(file, 'utf8').catch(() => '');
  return parseYaml(text, file).values.load_best_model_at_end === true;
}

/** Whether a folder is a run folder. */
export const isRun = (folder: string): Promise<boolean> => exists(join(folder, 'config.yaml'));
