/** `Calculate: 15 + 8 = ` with both operands from 0 to `max_operand`: 1323 problems at 20. */
import { isRightNumber, numberReward } from '../rewards/answer.js';
import { extractAnswer } from '../rewards/extract.js';
import { stopAtNumber } from '../rewards/stop.js';
import type { Problem, Task } from './task.js';
import type { TaskOptions } from './options.js';

const OPERATIONS: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
};

export function arithmetic({ maxOperand, operations }: TaskOptions = {}): Task {
  const max = maxOperand ?? 20;
  const chosen = Object.entries(OPERATIONS).filter(([op]) => (operations ?? '+-*').includes(op));
  return {
    name: 'arithmetic',
    problems: () => {
      const problems: Problem[] = [];
      for (const [op, apply] of chosen)
        for (let a = 0; a <= max; a++)
          for (let b = 0; b <= max; b++)
            problems.push({ prompt: `Calculate: ${a} ${op} ${b} = `, answer: String(apply(a, b)) });
      return problems;
    },
    reward: numberReward,
    isCorrect: isRightNumber,
    extract: extractAnswer,
    stop: stopAtNumber,
  };
}
