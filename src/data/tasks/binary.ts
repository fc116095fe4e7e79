/** `Binary of 13: ` and `Decimal of 1101: `, numbers from 0 to `max_operand` (255), both ways. */
import { isRightNumber, numberReward } from '../rewards/answer.js';
import { extractAnswer } from '../rewards/extract.js';
import { stopAtNumber } from '../rewards/stop.js';
import type { Task } from './task.js';
import type { TaskOptions } from './options.js';

export function binary({ maxOperand }: TaskOptions = {}): Task {
  const numbers = Array.from({ length: (maxOperand ?? 255) + 1 }, (_, n) => n);
  return {
    name: 'binary',
    problems: () => [
      ...numbers.map((n) => ({ prompt: `Binary of ${n}: `, answer: n.toString(2) })),
      ...numbers.map((n) => ({ prompt: `Decimal of ${n.toString(2)}: `, answer: String(n) })),
    ],
    reward: numberReward,
    isCorrect: isRightNumber,
    extract: extractAnswer,
    stop: stopAtNumber,
  };
}
