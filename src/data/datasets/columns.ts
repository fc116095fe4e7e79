/** Which columns a problem is made of. */
import { GrpoError } from '../../common/errors.js';
import { columnFault, listed } from './faults.js';
import type { DatasetTaskOptions } from './options.js';
import { columnsOf, parseTemplate, type Template } from './template.js';

/** Where prompt and answer are in a row. */
export interface Columns {
  /** A column, or a template over several. */
  prompt: string | Template;
  answer: string;
}

const PROMPTS = ['question', 'input', 'text', 'instruction', 'query', 'problem', 'messages', 'conversation'];
const ANSWERS = [
  'label',
  'target',
  'solution',
  'output',
  'response',
  'completion',
  'ground_truth',
  'expected',
];

/**
 * @param path of the file whose columns these are, for messages
 * @throws {GrpoError} DATASET_COLUMN, PROMPT_TEMPLATE, BAD_COMBINATION
 */
export function chooseColumns(
  path: string,
  columns: readonly string[],
  { promptColumn = null, answerColumn = null, promptTemplate = null }: DatasetTaskOptions,
): Columns {
  const check = (column: string, option: string) => {
    if (!columns.includes(column)) throw columnFault(path, column, columns, option);
    return column;
  };
  const answer =
    answerColumn === null
      ? onlyCandidate(path, columns, 'answer', ANSWERS)
      : check(answerColumn, 'answer_column');
  if (promptTemplate === null) {
    const prompt =
      promptColumn === null
        ? onlyCandidate(path, columns, 'prompt', PROMPTS)
        : check(promptColumn, 'prompt_column');
    return { prompt, answer };
  }
  if (promptColumn !== null)
    throw new GrpoError('BAD_COMBINATION', 'prompt_column and prompt_template both say what the prompt is', {
      fix: `leave one out; the template can name the column: {${promptColumn}}`,
      value: promptColumn,
    });
  const prompt = parseTemplate(promptTemplate);
  for (const column of columnsOf(prompt)) check(column, 'prompt_template');
  return { prompt, answer };
}

/** The column of that name, else the only one that may be meant; case is ignored. */
function onlyCandidate(
  path: string,
  columns: readonly string[],
  name: 'prompt' | 'answer',
  others: readonly string[],
): string {
  const own = columns.find((column) => column.toLowerCase() === name);
  if (own !== undefined) return own;
  const candidates = columns.filter((column) => others.includes(column.toLowerCase()));
  if (candidates.length === 1) return candidates[0]!;
  const what =
    candidates.length === 0
      ? `has no column that is the ${name} by its name`
      : `has several columns that may be the ${name}: ${candidates.join(', ')}`;
  throw new GrpoError('DATASET_COLUMN', `${path} ${what}`, {
    fix:
      `say which it is: --${name}-column NAME` +
      (name === 'prompt'
        ? ", or --prompt-template 'Q: {NAME}\\nA:'"
        : ' (with a reward that reads none, any will do)') +
      `; ${listed(columns)}`,
    value: candidates,
  });
}
