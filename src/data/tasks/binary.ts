/** `Binary of 13: ` and `Decimal of 1101: `, numbers from 0 to `max_operand` (255), both ways. */
import { answeredByNumber } from './answered.js';
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
    ...answeredByNumber,
  };
}
