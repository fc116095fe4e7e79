/**
 * A curriculum: tasks one after another. Every problem is judged by the rules of the stage that brought it
 * first; what is held out is the last stage's.
 */
import { GrpoError } from '../../common/errors.js';
import { dispatch } from './dispatch.js';
import type { Problem, Task } from './task.js';

/** A stage as options have it. What it leaves out is as the run has it. */
export interface StageOptions {
  /** Last epoch of the stage, counted from 1; left out: to the end of the run. */
  untilEpoch?: number | undefined;
  task?: string | undefined;
  taskWeights?: Record<string, number> | undefined;
  maxOperand?: number | undefined;
  operations?: string | undefined;
  trainSamples?: number | undefined;
}

export interface CurriculumStage {
  untilEpoch: number;
  task: Task;
  /** Null: as the run has it. */
  trainSamples: number | null;
}

/** @throws {GrpoError} CURRICULUM where the epochs don't go up, or a stage but the last has none */
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

/** The stages' rules as one task. */
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
