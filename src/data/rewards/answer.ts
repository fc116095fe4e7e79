/** The research journal's reward, for numbers and for words: +1 for the right answer, -1 for anything else. */
import type { Completion, RewardFunction } from '../tasks/task.js';
import { extractAnswer, extractWord } from './extract.js';

/** Whether the number that was extracted is the answer, character for character. */
export const isRightNumber = ({ completion, answer }: Completion): boolean =>
  extractAnswer(completion) === answer;

/** Whether the word that was extracted is the answer; case and what follows the letters (`No.`) are ignored. */
export const isRightWord = ({ completion, answer }: Completion): boolean =>
  extractWord(completion) === answer;

const plusOrMinus =
  (isRight: (completion: Completion) => boolean): RewardFunction =>
  (completions) =>
    completions.map((completion) => (isRight(completion) ? 1 : -1));

export const numberReward = plusOrMinus(isRightNumber);
export const wordReward = plusOrMinus(isRightWord);
