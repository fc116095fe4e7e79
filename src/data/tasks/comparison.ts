/** `Is 7 greater than 12? Answer yes or no: `, both from 0 to `max_operand` (20), never equal: half are yes. */
import { isRightWord, wordReward } from '../rewards/answer.js';
import { extractWord } from '../rewards/extract.js';
import { stopAtWord } from '../rewards/stop.js';
import type { Problem, Task } from './task.js';
import type { TaskOptions } from './options.js';

export function comparison({ maxOperand }: TaskOptions = {}): Task {
  const max = maxOperand ?? 20;
  return {
    name: 'comparison',
    problems: () => {
      const problems: Problem[] = [];
      for (const relation of ['greater', 'less'])
        for (let a = 0; a <= max; a++)
          for (let b = 0; b <= max; b++) {
            if (a === b) continue;
            const yes = relation === 'greater' ? a > b : a < b;
            problems.push({
              prompt: `Is ${a} ${relation} than ${b}? Answer yes or no: `,
              answer: yes ? 'yes' : 'no',
            });
          }
      return problems;
    },
    reward: wordReward,
    isCorrect: isRightWord,
    extract: extractWord,
    stop: stopAtWord(['yes', 'no']),
  };
}
