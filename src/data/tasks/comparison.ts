/**
 * The task comparison: `Is 7 greater than 12? Answer yes or no: `, with two different numbers from 0 to
 * `max_operand` (20); half of the answers are yes.
 */
import { isRightWord, wordReward } from '../rewards/answer.js';
import { extractWord } from '../rewards/extract.js';
import { stopAtWord } from '../rewards/stop.js';
import { listed } from './listed.js';
import type { TaskOptions } from './options.js';
import type { Task } from './task.js';

export function comparison({ maxOperand }: TaskOptions = {}): Task {
  const max = maxOperand ?? 20;
  return {
    name: 'comparison',
    ...listed('comparison', 2 * (max + 1) * max, (place) => {
      const relation = place < (max + 1) * max ? 'greater' : 'less';
      const a = Math.floor(place / max) % (max + 1);
      const other = place % max;
      // The other number, without `a` itself.
      const b = other < a ? other : other + 1;
      const yes = relation === 'greater' ? a > b : a < b;
      return { prompt: `Is ${a} ${relation} than ${b}? Answer yes or no: `, answer: yes ? 'yes' : 'no' };
    }),
    reward: wordReward,
    isCorrect: isRightWord,
    extract: extractWord,
    stop: stopAtWord(['yes', 'no']),
  };
}
