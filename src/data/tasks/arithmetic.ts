/** `Calculate: 15 + 8 = ` with both operands from 0 to `max_operand`: 1323 problems at 20. */
import { answeredByNumber } from './answered.js';
import { listed } from './listed.js';
import type { TaskOptions } from './options.js';
import type { Task } from './task.js';

const OPERATIONS: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
};

export function arithmetic({ maxOperand, operations }: TaskOptions = {}): Task {
  const numbers = (maxOperand ?? 20) + 1;
  const chosen = Object.entries(OPERATIONS).filter(([op]) => (operations ?? '+-*').includes(op));
  return {
    name: 'arithmetic',
    ...listed('arithmetic', chosen.length * numbers ** 2, (place) => {
      const [op, apply] = chosen[Math.floor(place / numbers ** 2)]!;
      const [a, b] = [Math.floor(place / numbers) % numbers, place % numbers];
      return { prompt: `Calculate: ${a} ${op} ${b} = `, answer: String(apply(a, b)) };
    }),
    ...answeredByNumber,
  };
}
