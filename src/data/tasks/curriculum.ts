/**
 * A curriculum: stages of training problems, one after another. Every problem is judged by the task of the
 * first stage that contains it; the held-out problems are those of the last stage.
 */
import { GrpoError } from '../../common/errors.js';
import { dispatch } from './dispatch.js';
import type { Problem, Task } from './task.js';

/** A stage of a curriculum in options. What it leaves out is as in the run's own options. */
export interface StageOptions {
  /** Last epoch of the stage, counted from 1; left out: to the end of the run. */
  untilEpoch?: number | undefined;
  /** Built-in task, or path of a module. */
  task?: string | undefined;
  /** Of `mixed`: share of each task. */
  taskWeights?: Record<string, number> | undefined;
  /** Largest number in a problem. */
  maxOperand?: number | undefined;
  /** Of arithmetic: any of `+-*`. */
  operations?: string | undefined;
  /** Training problems of the stage. */
  trainSamples?: number | undefined;
}

/** A stage of a curriculum, with its task loaded. */
export interface CurriculumStage {
  /** Last epoch of the stage, counted from 1; Infinity: to the end of the run. */
  untilEpoch: number;
  /** Its task. */
  task: Task;
  /** Training problems of the stage; null: as in the run's own options. */
  trainSamples: number | null;
}

/** @throws {GrpoError} CURRICULUM where the epochs don't increase, or a stage other than the last has none */
export function checkStages(stages: readonly StageOptions[]): void {
  stages.forEach(({ untilEpoch }, i) => {
    const before = i === 0 ? 0 : stages[i - 1]!.untilEpoch!;
    if (untilEpoch === undefined && i < stages.length - 1)
      throw new GrpoError('CURRICULUM', `stage ${i + 1} of the curriculum has no until_epoch`, {
        fix: 'say with which epoch each stage but the last one ends',
        value: stages[i],
      });
    if (untilEpoch !== undefined && untilEpoch <= before)
      throw new GrpoError(
        'CURRICULUM',
        `stage ${i + 1} of the curriculum ends with epoch ${untilEpoch}, where the one before it has epoch ${before}`,
        { fix: 'let until_epoch go up from stage to stage', value: untilEpoch },
      );
  });
}

/** One task with the rules of all stages. */
export async function curriculumTask(stages: readonly CurriculumStage[]): Promise<Task> {
  const tasks = stages.map(({ task }) => task);
  if (new Set(tasks).size === 1) return tasks[0]!;
  const owner = new Map<string, Task>();
  for (const task of tasks)
    for (const { prompt } of await task.problems()) if (!owner.has(prompt)) owner.set(prompt, task);
  const last = tasks.at(-1)!;
  const taskOf = (problem: Problem): Task => owner.get(problem.prompt) ?? last;
  return {
    name: [...new Set(tasks.map(({ name }) => name))].join('-'),
    problems: () => last.problems(),
    ...(last.notices && { notices: last.notices }),
    ...(last.weights && { weights: last.weights }),
    ...dispatch(tasks, taskOf),
  };
}
