/** A task whose problems are the rows of files: `--dataset-name ./tickets.jsonl`. */
import { basename } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { count } from '../../common/format.js';
import { exactMatch } from '../rewards/kinds/exact-match.js';
import type { Problem, Task } from '../tasks/task.js';
import { chooseColumns, type Columns } from './columns.js';
import { findDataset, type Found } from './find.js';
import { readRows } from './formats.js';
import type { DatasetExtras } from './hub.js';
import type { DatasetTaskOptions } from './options.js';
import { problemOf } from './problem.js';
import { sourceOf } from './source.js';

/**
 * Reads a dataset, and makes a task of it whose reward is 1 for the answer and 0 for anything else.
 *
 * @param options which data, and how a row becomes a problem
 * @param extras `onDownload` and `signal`, where it is on the hub
 * @throws {GrpoError} DATASET_NOT_FOUND, DATASET_FILE, DATASET_SPLIT, DATASET_EMPTY; DATASET_COLUMN, PROMPT_TEMPLATE;
 * DATASET_ROW, which names the line or row; BAD_COMBINATION for options that contradict each other
 *
 * @example
 * ```ts
 * const task = await loadDatasetTask({ datasetName: './tickets.jsonl', answerColumn: 'label' });
 * console.log(task.notices);
 * ```
 */
export async function loadDatasetTask(
  options: DatasetTaskOptions,
  extras: DatasetExtras = {},
): Promise<Task> {
  const found = await findDataset(options, extras);
  const reading = new Reading(options);
  // First what is held out: a prompt that is in both is not learned from.
  const heldOut = await reading.problems(found.heldOut, 'held_out');
  const train = await reading.problems(found.train, found.heldOut.length > 0 ? 'train' : undefined);
  const { columns } = reading;
  if (!columns)
    throw new GrpoError('DATASET_EMPTY', `${[options.datasetName].flat().join(', ')} has no rows`, {
      fix: 'give a file with at least one row',
      value: options.datasetName,
    });
  const problems = [...heldOut, ...train];
  const { reward } = await exactMatch.load(
    'exact_match',
    {},
    { problems: () => Promise.resolve(problems), folder: '' },
  );
  return {
    name: found.name,
    problems: () => problems,
    reward,
    notices: [noticeOf(found, columns, train.length, heldOut.length)],
    source: await sourceOf(options.datasetName, found),
  };
}

/** Reads files one after another; the first rows decide which columns are taken. */
class Reading {
  readonly #options: DatasetTaskOptions;
  columns: Columns | undefined;

  constructor(options: DatasetTaskOptions) {
    this.#options = options;
  }

  async problems(files: readonly string[], split: Problem['split']): Promise<Problem[]> {
    const problems: Problem[] = [];
    for (const file of files)
      for await (const rows of readRows(file)) {
        if (rows.length === 0) continue;
        this.columns ??= chooseColumns(
          file,
          [...new Set(rows.flatMap(({ values }) => Object.keys(values)))],
          this.#options,
        );
        for (const row of rows) problems.push(problemOf(row, this.columns, split));
      }
    return problems;
  }
}

function noticeOf(
  { name, train, heldOut, unread }: Found,
  { prompt, answer }: Columns,
  trainRows: number,
  heldOutRows: number,
): string {
  const of = (rows: number, files: readonly string[]) => `${count(rows)} rows of ${namesOf(files)}`;
  return [
    `${name}: ` +
      (heldOut.length === 0
        ? `${of(trainRows, train)}, one in five of them held out`
        : `${train.length > 0 ? `${of(trainRows, train)} to learn from, ` : ''}${of(heldOutRows, heldOut)} held out`),
    `${typeof prompt === 'string' ? `prompt: column ${prompt}, ` : ''}answer: column ${answer}`,
    ...(unread.length > 0 ? [`not read: the split${unread.length > 1 ? 's' : ''} ${unread.join(', ')}`] : []),
  ].join('; ');
}

/** Most files that a notice names. */
const NAMED = 3;

function namesOf(files: readonly string[]): string {
  const names = files.slice(0, NAMED).map((file) => basename(file));
  return names.join(', ') + (files.length > NAMED ? ` and ${files.length - NAMED} more files` : '');
}
