/** Lists all problems of a task, or a random sample of those of a task that has too many. */
import { generator } from '../../common/random.js';
import type { Problem, Task } from './task.js';

/** Up to so many problems are listed in order; of more, so many different ones are drawn. */
const MOST = 100_000;

/**
 * A sample depends only on name and size, so that every run has the same problems. Whether a problem is held
 * out depends on its text, so it is the same as if all were listed.
 * @param size number of all problems
 * @param at gives the problem at a place, 0 to `size` - 1
 */
export function listed(
  name: string,
  size: number,
  at: (place: number) => Problem,
): Required<Pick<Task, 'problems' | 'notices'>> {
  if (size <= MOST) return { problems: () => Array.from({ length: size }, (_, i) => at(i)), notices: [] };
  return {
    problems: () => {
      const below = generator(`drawn/${name}/${size}`);
      const places = new Set<number>();
      while (places.size < MOST) places.add(below(size));
      return Array.from(places, at);
    },
    notices: [
      `${name} has ${size.toLocaleString('en-US')} problems, too many to list: ${MOST.toLocaleString('en-US')} of them are drawn, the same in every run.`,
    ],
  };
}
