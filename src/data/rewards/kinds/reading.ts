/** Rewards that read an answer in a completion and compare it with the right one. */
import { z } from 'zod';
import { shown } from '../../../common/errors.js';
import { nearest } from '../../../common/nearest.js';
import type { Completion, Problem } from '../../tasks/task.js';
import type { MadeReward } from '../types.js';
import { tagged } from './section.js';

/** Options of all rewards that read an answer. */
export const READING_OPTIONS = {
  /** The answer stands in `<tag>..</tag>`; absent: in the whole completion. */
  tag: z
    .string()
    .regex(/^[A-Za-z][\w-]*$/, 'a tag is letters, digits, _ and -')
    .optional(),
  /** Column of the dataset with the right answer; absent: the problem's answer. */
  column: z.string().min(1).optional(),
};

/** What an answer reward does with a text: the completion, or what stands in its tag. */
export interface Reading {
  /** The answer that the text gives; undefined where it gives none. */
  read: (text: string) => string | undefined;
  /** How right it is, from 0 to 1. */
  compare: (given: string, answer: string, problem: Problem) => number | boolean;
  /**
   * Whether nothing that could be appended changes what is read; asked without a character that is not complete yet.
   * Absent: that is never so.
   */
  decided?: (text: string) => boolean;
  /** A text that gives an answer, null where none can be made up; absent: the answer itself. */
  write?: (answer: string, problem: Problem) => string | null;
  /** Whether an answer is one that completions can be compared with; undefined: it is. */
  unfit?: (answer: string, problem: Problem) => string | undefined;
  /** Texts whose reading a person wants to see. */
  spellings?: readonly string[];
}

/** The reward of a reading: right where the value is 1. */
export function readingReward(
  { read, compare, decided, write, unfit, spellings }: Reading,
  { tag, column }: { tag?: string | undefined; column?: string | undefined },
): MadeReward {
  const given = (completion: string): string | undefined => {
    const text = tag === undefined ? completion : tagged(completion, tag)?.content;
    return text === undefined ? undefined : read(text);
  };
  const inTag = (text: string) => (tag === undefined ? text : `<${tag}>${text}</${tag}>`);
  const value = ({ completion, problem }: Completion): number => {
    const answer = given(completion);
    return answer === undefined ? 0 : Number(compare(answer, rightAnswer(problem, column) ?? '', problem));
  };
  const stop = tag === undefined ? decided : (text: string) => tagged(text, tag) !== undefined;
  return {
    reward: (completions) => completions.map(value),
    isCorrect: (_, own) => own === 1,
    extract: (completion) => given(completion) ?? '',
    stop: stop ? (text) => stop(complete(text)) : null,
    write: (text, problem) => {
      if (tag !== undefined && tagged(text, tag)) return text;
      const written = write ? write(text, problem) : text;
      return written === null ? null : inTag(written);
    },
    ...((unfit ?? column !== undefined) && {
      unfit: (problem) => {
        const answer = rightAnswer(problem, column);
        return answer === undefined ? missingColumn(column!, problem) : unfit?.(answer, problem);
      },
    }),
    ...(spellings && { spellings: spellings.map(inTag) }),
  };
}

/** The right answer as a text: the problem's, or a column of its row; undefined where there is no such column. */
function rightAnswer({ answer, columns }: Problem, column: string | undefined): string | undefined {
  if (column === undefined) return answer;
  const value = columns?.[column];
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : (value as number | boolean).toString();
}

/** What is said of a problem that lacks a column. */
export function missingColumn(column: string, { columns = {} }: Problem): string {
  const names = Object.keys(columns);
  const meant = nearest(column, names);
  return `it has nothing in the column ${shown(column)}${
    meant && meant !== column
      ? `: did you mean ${meant}?`
      : names.length > 0
        ? ` (its columns: ${names.join(', ')})`
        : ''
  }`;
}

/** The text without a last character that is not complete yet: it decodes to U+FFFD until the rest arrives. */
const complete = (text: string): string => text.replace(/\uFFFD{1,4}$/, '');
