import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadTask } from '../../../../src/data/tasks/index.js';
import type { Problem, Task } from '../../../../src/data/tasks/task.js';

/** Texts that come close to answers, and any other. */
const text = (answer: string) =>
  fc.oneof(
    fc
      .array(
        fc.constantFrom(
          answer,
          '-',
          '--',
          ' ',
          '\n',
          '\t',
          '0',
          '2',
          '25',
          '.',
          'y',
          'e',
          's',
          'Yes',
          'NO',
          'n',
          'The',
          'é',
          '٣',
        ),
        { maxLength: 5 },
      )
      .map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  );

async function reward(task: Task, problem: Problem, completion: string): Promise<number> {
  return (await task.reward([{ ...problem, completion, problem }]))[0]!;
}

it.each(['arithmetic', 'binary', 'counting', 'comparison', 'mixed'])(
  '%s: once stopped, nothing that follows changes the reward',
  async (name) => {
    const task = await loadTask(name);
    const problems = await task.problems();
    const cases = fc
      .nat(problems.length - 1)
      .map((i) => problems[i]!)
      .chain((problem) => fc.tuple(fc.constant(problem), text(problem.answer), text(problem.answer)));
    await fc.assert(
      fc.asyncProperty(cases, async ([problem, begin, rest]) => {
        if (!task.stop!(begin, problem)) return;
        expect(await reward(task, problem, begin + rest)).toBe(await reward(task, problem, begin));
      }),
      { numRuns: 3000 },
    );
  },
);
