/** Makes a problem of a row. */
import { shown } from '../../common/errors.js';
import { conversationText, type Message } from '../../model/message.js';
import type { Problem } from '../tasks/task.js';
import type { Columns } from './columns.js';
import { rowFault } from './faults.js';
import type { Row } from './row.js';
import { filled, type Template } from './template.js';
import { conversationOf, textOfValue } from './values.js';

/** @throws {GrpoError} DATASET_ROW */
export function problemOf(row: Row, { prompt, answer }: Columns, split: Problem['split']): Problem {
  return {
    ...(typeof prompt === 'string' ? promptOf(row, prompt) : { prompt: filledOf(row, prompt) }),
    answer: filledIn(row, answer, 'answer'),
    columns: row.values,
    ...(split && { split }),
  };
}

function promptOf(row: Row, column: string): Pick<Problem, 'prompt' | 'messages'> {
  const messages = conversationOf(row.values[column]);
  return messages
    ? { prompt: conversationText(answerable(row, messages)), messages }
    : { prompt: filledIn(row, column, 'prompt') };
}

/** The model says what comes next: that can't be what it has said already. */
function answerable(row: Row, messages: Message[]): Message[] {
  if (messages.at(-1)!.role !== 'assistant') return messages;
  throw rowFault(
    row.place,
    "its conversation ends with the assistant's message, which would be a part of the prompt",
    'let prompts end with the message that is to be answered, and put the answer into a column of its own',
  );
}

function filledOf(row: Row, template: Template): string {
  return filled(template, (column) => {
    const value = row.values[column];
    // Columns may be left empty here; lists, as of choices, are JSON.
    if (value === null) return '';
    return typeof value === 'object' ? JSON.stringify(value) : textIn(row, column, 'column');
  });
}

/** @param what `prompt` or `answer`: where these are empty, a cell was forgotten */
function filledIn(row: Row, column: string, what: string): string {
  const text = textIn(row, column, what);
  if (text.trim() !== '') return text;
  throw rowFault(row.place, `its ${what} (column ${column}) is empty`, MISSING);
}

const MISSING = 'fill it in, or remove the row';

function textIn(row: Row, column: string, what: string): string {
  const value = row.values[column];
  const text = textOfValue(value);
  if (text !== undefined) return text;
  const named = what === 'column' ? `column ${column}` : `${what} (column ${column})`;
  if (value === undefined || value === null) throw rowFault(row.place, `has no ${named}`, MISSING);
  throw rowFault(
    row.place,
    `its ${named} is ${shown(value)}, neither a text nor a number that is kept exactly`,
    'write it as a text',
  );
}
