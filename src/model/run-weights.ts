/** Where a run left its weights. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { exists } from '../machine/files.js';
import { GrpoError } from '../common/errors.js';

/** Name of the folder with a run's checkpoints. */
export const CHECKPOINTS = 'checkpoints';

/** Steps of the checkpoints in a folder, ascending. */
export async function stepsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .map((name) => /^checkpoint-(\d+)$/.exec(name)?.[1])
    .filter((step) => step !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * The model folder that `from` names: the folder itself where it is one; for `RUN` its final model, else its
 * newest checkpoint; for `RUN/checkpoint-N` that checkpoint. Undefined where there is none.
 * @param onNotice called where the result is another folder than `from`
 */
export async function weightsOf(
  from: string,
  onNotice?: (text: string) => void,
): Promise<string | undefined> {
  const folder = resolve(from);
  const candidates = [
    folder,
    join(folder, 'final'),
    join(dirname(folder), CHECKPOINTS, basename(folder)),
    ...(await stepsIn(join(folder, CHECKPOINTS)))
      .reverse()
      .map((step) => join(folder, CHECKPOINTS, `checkpoint-${step}`)),
  ];
  for (const candidate of candidates) {
    if (!(await exists(join(candidate, 'config.json')))) continue;
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

/** Whether a folder is a run folder. */
export const isRun = (folder: string): Promise<boolean> => exists(join(folder, 'config.yaml'));
