/** The journal's reward: +1 for the right answer, -1 for anything else. */
import type { Completion, RewardFunction } from '../tasks/task.js';
import { extractAnswer, extractWord } from './extract.js';

/** For answers that are numbers: what was extracted must be the answer, character for character. */
export const isRightNumber = ({ completion, answer }: Completion): boolean =>
  extractAnswer(completion) === answer;

/** For answers that are words: case does not matter, nor does what follows the letters (`No.`). */
export const isRightWord = ({ completion, answer }: Completion): boolean =>
  extractWord(completion) === answer;

const plusOrMinus =
  (isRight: (completion: Completion) => boolean): RewardFunction =>
  (completions) =>
    completions.map((completion) => (isRight(completion) ? 1 : -1));

export const numberReward = plusOrMinus(isRightNumber);
export const wordReward = plusOrMinus(isRightWord);
