/**
 * The task counting: `Count the words: cat sun tree = `, lists of 1 to `max_operand` (20) words, 30 of each
 * length.
 */
import { GrpoError } from '../../common/errors.js';
import { generator } from '../../common/random.js';
import type { Problem, Task } from './task.js';
import { answeredByNumber } from './answered.js';
import type { TaskOptions } from './options.js';

// Short common nouns: most are one token in the vocabularies of real models.
const WORDS = (
  'cat dog sun tree car book fish bird moon star hat cup ball door lamp ' +
  'ship rock leaf milk cake ring king road hill sand wind gold iron salt boat'
).split(' ');

const LONGEST = 200;

export function counting({ maxOperand }: TaskOptions = {}): Task {
  const max = maxOperand ?? 20;
  if (max > LONGEST) {
    throw new GrpoError(
      'BAD_OPTION',
      `max_operand is ${max}, and counting has lists of up to ${LONGEST} words`,
      {
        fix: `use a max_operand of at most ${LONGEST} for counting`,
        value: max,
      },
    );
  }
  return {
    name: 'counting',
    problems: () => {
      const problems: Problem[] = [];
      for (let count = 1; count <= max; count++)
        for (const first of WORDS) {
          // Each list begins with another word, so that no two of a length are the same;
          // a list depends on its length and first word alone, so that a smaller `max_operand` is a subset.
          const below = generator(`counting/${count}/${first}`);
          const words = [first, ...Array.from({ length: count - 1 }, () => WORDS[below(WORDS.length)]!)];
          problems.push({ prompt: `Count the words: ${words.join(' ')} = `, answer: String(count) });
        }
      return problems;
    },
    ...answeredByNumber,
  };
}
