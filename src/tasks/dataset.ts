/** The problems of a run: checked, without duplicates, split, and as many as were asked for. */
import { GrpoError } from '../errors.js';
import { shuffled } from '../random.js';
import { splitProblems } from './split.js';
import type { Problem, Split, Task } from './task.js';

export interface DatasetOptions {
  /** Problems to train on; null: all of the split. Which ones, the seed decides. */
  trainSamples?: number | null;
  /** Held-out problems to evaluate on; null: all. Which ones never depends on the seed, so that runs compare. */
  evalSamples?: number | null;
  seed?: number;
}

export interface Dataset {
  train: Problem[];
  heldOut: Problem[];
  /** Things a person should know that are not errors. */
  notices: string[];
}

/** @throws {GrpoError} BAD_TASK, DATASET_EMPTY, TRAIN_SAMPLES */
export async function loadDataset(task: Task, options: DatasetOptions = {}): Promise<Dataset> {
  const { trainSamples = null, evalSamples = null, seed = 42 } = options;
  const { problems, notices } = await loadProblems(task);
  const trainable = splitProblems(problems, 'train');
  const heldOut = splitProblems(problems, 'held_out');
  if (trainable.length === 0) {
    throw new GrpoError(
      'DATASET_EMPTY',
      `${task.name} has no problems to train on (${heldOut.length} are held out)`,
      {
        fix: 'give the task more problems: one in five, chosen by its text, is kept for evaluation',
        value: 0,
      },
    );
  }
  if (trainSamples !== null && trainSamples > trainable.length) {
    throw new GrpoError(
      'TRAIN_SAMPLES',
      `train_samples is ${trainSamples}, and ${task.name} has ${trainable.length} problems to train on`,
      {
        fix: `set train_samples to at most ${trainable.length}, or leave it out to use them all`,
        value: trainSamples,
      },
    );
  }
  if (heldOut.length === 0) notices.push(`${task.name} has no held-out problems: nothing to evaluate on.`);
  return {
    train: choose(trainable, trainSamples, `train/${seed}`, task.weights, notices),
    heldOut: evalSamples === 0 ? [] : choose(heldOut, evalSamples, 'held_out', task.weights, notices),
    notices,
  };
}

/** Problems of one split, for an evaluation. */
export async function loadSplit(
  task: Task,
  split: Split,
  samples: number | null,
): Promise<Dataset['heldOut']> {
  const { problems } = await loadProblems(task);
  const chosen = choose(splitProblems(problems, split), samples, split, task.weights, []);
  if (chosen.length > 0) return chosen;
  throw new GrpoError('DATASET_EMPTY', `${task.name} has no problems in the split ${split}`, {
    fix: 'choose the other split, or give the task more problems: one in five, by its text, is held out',
    value: split,
  });
}

/** Every problem once. Two with the same prompt would let a group of one teach what the other is judged by. */
export async function loadProblems(task: Task): Promise<{ problems: Problem[]; notices: string[] }> {
  const all: unknown = await task.problems();
  if (!Array.isArray(all)) throw badTask(task, `problems() gave ${typeof all}, not a list`, all);
  const seen = new Map<string, Problem>();
  let duplicates = 0;
  all.forEach((value: unknown, i) => {
    const problem = checkProblem(task, value, i);
    if (seen.has(problem.prompt)) duplicates++;
    else seen.set(problem.prompt, problem);
  });
  if (seen.size === 0) {
    throw new GrpoError('DATASET_EMPTY', `${task.name} has no problems`, {
      fix: 'let its problems() return at least one { prompt, answer }',
      value: 0,
    });
  }
  const notices =
    duplicates > 0
      ? [`${task.name}: ${duplicates} of ${all.length} problems repeat a prompt and were left out.`]
      : [];
  return { problems: [...seen.values()], notices };
}

function checkProblem(task: Task, value: unknown, i: number): Problem {
  const problem = value as Partial<Problem> | null | undefined;
  if (typeof problem?.prompt !== 'string' || problem.prompt === '')
    throw badTask(task, `problem ${i} has no prompt (a text that is not empty)`, value);
  if (typeof problem.answer !== 'string') throw badTask(task, `problem ${i} has no answer (a text)`, value);
  return problem as Problem;
}

function badTask(task: Task, what: string, value: unknown): GrpoError {
  return new GrpoError('BAD_TASK', `${task.name}: ${what}`, {
    fix: 'let problems() return a list of { prompt: string, answer: string }',
    value,
  });
}

/**
 * `count` problems in an order that `key` decides, from each task of a mixture in proportion to its weight.
 * Without `count` a mixture gives as many as its shares allow: the scarcest task sets the size.
 */
function choose(
  problems: Problem[],
  count: number | null,
  key: string,
  weights: Record<string, number> | undefined,
  notices: string[],
): Problem[] {
  if (!weights) return shuffled(problems, key).slice(0, count ?? problems.length);
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const parts = Object.entries(weights).map(([name, weight]) => ({
    name,
    share: weight / total,
    problems: shuffled(
      problems.filter((problem) => problem.task === name),
      `${key}/${name}`,
    ),
  }));
  const size =
    count ??
    Math.floor(
      Math.min(...parts.filter(({ share }) => share > 0).map((part) => part.problems.length / part.share)),
    );
  const counts = apportion(
    parts.map(({ share }) => share),
    size,
  );
  const chosen = parts.flatMap((part, i) => {
    if (part.problems.length < counts[i]!)
      notices.push(
        `${part.name} has ${part.problems.length} problems where its share of the mixture is ${counts[i]!}.`,
      );
    return part.problems.slice(0, counts[i]);
  });
  return shuffled(chosen, key);
}

/** Whole numbers that add up to `size`, nearest to the shares (largest remainders). */
function apportion(shares: number[], size: number): number[] {
  const counts = shares.map((share) => Math.floor(share * size + 1e-9));
  const byRemainder = shares
    .map((share, i) => ({ i, remainder: share * size - counts[i]! }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  const missing = size - counts.reduce((sum, n) => sum + n, 0);
  for (const { i } of byRemainder.slice(0, Math.max(0, missing))) counts[i]!++;
  return counts;
}
