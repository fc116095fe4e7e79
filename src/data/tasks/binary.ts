/** The task binary: `Binary of 13: ` and `Decimal of 1101: ` for the numbers from 0 to `max_operand` (255). */
import { isRightNumber, numberReward } from '../rewards/answer.js';
import { extractAnswer } from '../rewards/extract.js';
import { stopAtNumber } from '../rewards/stop.js';
import { listed } from './listed.js';
import type { TaskOptions } from './options.js';
import type { Task } from './task.js';

export function binary({ maxOperand }: TaskOptions = {}): Task {
  const numbers = (maxOperand ?? 255) + 1;
  return {
    name: 'binary',
    ...listed('binary', 2 * numbers, (place) => {
      const n = place % numbers;
      const [decimal, digits] = [String(n), n.toString(2)];
      return place < numbers
        ? { prompt: `Binary of ${decimal}: `, answer: digits }
        : { prompt: `Decimal of ${digits}: `, answer: decimal };
    }),
    reward: numberReward,
    isCorrect: isRightNumber,
    extract: extractAnswer,
    stop: stopAtNumber,
  };
}
