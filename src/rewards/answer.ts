/** The journal's reward: +1 for the right answer, -1 for anything else. */
import type { RewardFunction } from '../tasks/task.js';
import { extractAnswer, extractWord } from './extract.js';

/** For answers that are numbers: what was extracted must be the answer, character for character. */
export const numberReward: RewardFunction = (completions) =>
  completions.map(({ completion, answer }) => (extractAnswer(completion) === answer ? 1 : -1));

/** For answers that are words: case does not matter, nor does what follows the letters (`No.`). */
export const wordReward: RewardFunction = (completions) =>
  completions.map(({ completion, answer }) => (extractWord(completion) === answer ? 1 : -1));
