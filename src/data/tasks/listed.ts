/** All problems of a task that has few, and a part of those of a task that has millions. */
import { generator } from '../../common/random.js';
import type { Problem, Task } from './task.js';

/** So many are listed in order; of more, so many different ones are drawn. */
const MOST = 100_000;

/**
 * The drawn ones depend on name and size alone, so that every run is judged by the same; held out is, by its
 * text, whatever would be if all were listed.
 * @param size how many there are
 * @param at the problem in each place, 0 to `size` - 1
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
