/** What tasks share whose answers are of a kind: how one is read, judged, and where a completion ends. */
import { isRightNumber, numberReward } from '../rewards/answer.js';
import { extractAnswer } from '../rewards/extract.js';
import { stopAtNumber } from '../rewards/stop.js';
import type { Task } from './task.js';

/** The answer is the first number of the completion. */
export const answeredByNumber = {
  reward: numberReward,
  isCorrect: isRightNumber,
  extract: extractAnswer,
  stop: stopAtNumber,
} satisfies Partial<Task>;
