/** Options that don't go together: those of a task beside a dataset, and those of a dataset without one. */
import { GrpoError, shown } from '../../common/errors.js';
import { toSnake } from '../../config/names.js';

const OF_TASKS = ['task', 'taskWeights', 'maxOperand', 'curriculum'] as const;
const OF_DATASETS = [
  'datasetConfig',
  'datasetTestSplit',
  'promptColumn',
  'answerColumn',
  'promptTemplate',
] as const;

type Given = Partial<
  Record<(typeof OF_TASKS)[number] | (typeof OF_DATASETS)[number] | 'datasetName', unknown>
>;

/** @throws {GrpoError} BAD_COMBINATION */
export function checkGiven(given: Given): void {
  const isGiven = (name: keyof Given) => (given[name] ?? null) !== null;
  const dataset = isGiven('datasetName');
  const [stranger] = (dataset ? OF_TASKS : OF_DATASETS).filter(isGiven);
  if (stranger !== undefined) {
    const option = toSnake(stranger);
    const why =
      stranger === 'curriculum'
        ? 'dataset_name is one task, and a curriculum has several'
        : dataset
          ? `${option} is ${shown(given[stranger])}, and dataset_name gives the problems`
          : `${option} is ${shown(given[stranger])}, and there is no dataset_name`;
    throw new GrpoError('BAD_COMBINATION', why, {
      fix: dataset ? `leave out ${option} or dataset_name` : `leave out ${option}, or name a dataset`,
      value: given[stranger],
    });
  }
  if (dataset || isGiven('task')) return;
  throw new GrpoError('BAD_COMBINATION', 'task is null, and there is no dataset_name', {
    fix: 'give one of them',
    value: null,
  });
}
