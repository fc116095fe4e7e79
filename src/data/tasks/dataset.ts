/**
 * The dataset of a run: problems that are checked, freed of duplicates, split into train and held out, and
 * sampled.
 */
import { GrpoError } from '../../common/errors.js';
import { generator, shuffled } from '../../common/random.js';
import { asConversation, type ChatOptions } from '../../model/message.js';
import type { CurriculumStage } from './curriculum.js';
import { splitProblems } from './split.js';
import type { Problem, Split, Task } from './task.js';

/** How many of a task's problems are used. */
export interface DatasetOptions extends ChatOptions {
  /** Training problems; null (default): all. `seed` decides which. */
  trainSamples?: number | null;
  /** Different ones among them, which the others repeat; null (default): all are different. */
  uniqueSamples?: number | null;
  /**
   * Held-out problems to evaluate on; null (default): all. Which ones doesn't depend on the seed, so that runs
   * can be compared.
   */
  evalSamples?: number | null;
  /**
   * True: one problem in ten, and none of those held out, is for validation and not trained on; at most
   * `evalSamples` of them are asked. Default false.
   */
  validation?: boolean;
  /** Chooses and orders training problems; default 42. */
  seed?: number;
}

/** The training problems of a stage of the curriculum. */
export interface DatasetStage {
  /** Last epoch of the stage, counted from 1; Infinity: to the end of the run. */
  untilEpoch: number;
  /** Positions among the training problems; one that is listed twice comes twice in an epoch. */
  positions: number[];
}

/** The problems of a run: without duplicates, and split. */
export interface Dataset {
  /** Training problems, each once; its position identifies a problem. */
  train: Problem[];
  /** Which of them are gone through when. */
  stages: DatasetStage[];
  /** Problems to evaluate on: they tell how good the run is. */
  heldOut: Problem[];
  /** Problems to choose weights by; empty where `validation` is false. */
  validation: Problem[];
  /** What a person should know that is no error, such as duplicates left out. */
  notices: string[];
}

/**
 * Problems of a task, or of a curriculum's stages: checked, without duplicates, split, and as many as were
 * asked for.
 *
 * @param what a task, or stages one after another, of which the last one decides what is held out
 * @throws {GrpoError} BAD_TASK, DATASET_EMPTY, TRAIN_SAMPLES, UNIQUE_SAMPLES, TASK_FAILED
 *
 * @example
 * ```ts
 * const { train, heldOut } = await loadDataset(await loadTask('arithmetic'), { evalSamples: 200 });
 * ```
 */
export async function loadDataset(
  what: Task | readonly CurriculumStage[],
  options: DatasetOptions = {},
): Promise<Dataset> {
  const { evalSamples = null, validation: validates = false } = options;
  const stages: readonly CurriculumStage[] =
    'problems' in what ? [{ untilEpoch: Infinity, task: what, trainSamples: null }] : what;
  const notices: string[] = [];
  const train: Problem[] = [];
  const positionOf = new Map<string, number>();
  const position = (problem: Problem): number => {
    const known = positionOf.get(problem.prompt);
    if (known !== undefined) return known;
    positionOf.set(problem.prompt, train.length);
    return train.push(problem) - 1;
  };
  const datasetStages: DatasetStage[] = [];
  let heldOut: Problem[] = [];
  let validation: Problem[] = [];
  for (const stage of stages) {
    const { problems, notices: own } = await loadProblems(stage.task, options);
    notices.push(...own);
    const chosen = chooseTraining(
      stage.task,
      problems,
      { ...options, trainSamples: stage.trainSamples ?? options.trainSamples ?? null },
      notices,
    );
    datasetStages.push({ untilEpoch: stage.untilEpoch, positions: chosen.map(position) });
    heldOut = splitProblems(problems, 'held_out');
    if (validates) validation = splitProblems(problems, 'validation');
  }
  const last = stages.at(-1)!.task;
  if (heldOut.length === 0) notices.push(`${last.name} has no held-out problems: nothing to evaluate on.`);
  if (validates && validation.length === 0)
    throw new GrpoError('DATASET_EMPTY', `${last.name} has no validation problems to choose weights by`, {
      fix: 'give the task more problems: one in ten, chosen by its text, is for validation',
      value: 0,
    });
  const asked = (problems: Problem[], split: Split) =>
    evalSamples === 0 ? [] : choose(problems, evalSamples, split, last.weights, notices);
  return {
    train,
    stages: datasetStages,
    heldOut: asked(heldOut, 'held_out'),
    validation: validates ? asked(validation, 'validation') : [],
    notices: [...new Set(notices)],
  };
}

/** Chooses training problems; with repetitions where `uniqueSamples` is below `trainSamples`. */
function chooseTraining(
  task: Task,
  problems: Problem[],
  { trainSamples = null, uniqueSamples = null, seed = 42, validation = false }: DatasetOptions,
  notices: string[],
): Problem[] {
  const trainable = splitProblems(problems, 'train', { validation });
  if (trainable.length === 0) {
    throw new GrpoError(
      'DATASET_EMPTY',
      `${task.name} has no problems to train on (${problems.length} are held out${validation ? ' or for validation' : ''})`,
      {
        fix: 'give the task more problems: one in five, chosen by its text, is kept for evaluation',
        value: 0,
      },
    );
  }
  const different = uniqueSamples ?? trainSamples;
  if (different !== null && different > trainable.length) {
    const option = uniqueSamples === null ? 'train_samples' : 'unique_samples';
    throw new GrpoError(
      option === 'train_samples' ? 'TRAIN_SAMPLES' : 'UNIQUE_SAMPLES',
      `${option} is ${different}, and ${task.name} has ${trainable.length} problems to train on`,
      {
        fix: `set ${option} to at most ${trainable.length}, or leave it out to use them all`,
        value: different,
      },
    );
  }
  const chosen = choose(trainable, different, `train/${seed}`, task.weights, notices);
  if (uniqueSamples === null || trainSamples === null || trainSamples <= uniqueSamples) return chosen;
  // Drawn with replacement.
  const below = generator(`repeat/${seed}`);
  const drawn = Array.from({ length: trainSamples }, () => chosen[below(chosen.length)]!);
  const distinct = new Set(drawn).size;
  notices.push(
    `${trainSamples - distinct} of ${trainSamples} training problems repeat another: ${distinct} are different. A model learns so few by heart.`,
  );
  return drawn;
}

/**
 * Problems of one split, for an evaluation.
 *
 * @param samples how many; null: all
 * @param chat whether prompts that are texts are put to the model as conversations
 * @throws {GrpoError} BAD_TASK, DATASET_EMPTY, TASK_FAILED
 *
 * @example
 * ```ts
 * const problems = await loadSplit(await loadTask('counting'), 'held_out', 100);
 * ```
 */
export async function loadSplit(
  task: Task,
  split: Split,
  samples: number | null,
  chat: ChatOptions = {},
): Promise<Dataset['heldOut']> {
  const { problems } = await loadProblems(task, chat);
  const chosen = choose(splitProblems(problems, split), samples, split, task.weights, []);
  if (chosen.length > 0) return chosen;
  throw new GrpoError('DATASET_EMPTY', `${task.name} has no problems in the split ${split}`, {
    fix: 'choose another split, or give the task more problems: one in five, by its text, is held out',
    value: split,
  });
}

/**
 * Loads and checks the problems of a task, without duplicates: two problems with the same prompt may have
 * different answers, and would then contradict each other.
 */
export async function loadProblems(
  task: Task,
  chat: ChatOptions = {},
): Promise<{ problems: Problem[]; notices: string[] }> {
  const all: unknown = await task.problems();
  if (!Array.isArray(all)) throw badTask(task, `problems() gave ${typeof all}, not a list`, all);
  checkWeights(task);
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
  const notices = [...(task.notices ?? [])];
  if (duplicates > 0)
    notices.push(`${task.name}: ${duplicates} of ${all.length} problems repeat a prompt and were left out.`);
  return { problems: [...seen.values()].map((problem) => asConversation(problem, chat)), notices };
}

function checkProblem(task: Task, value: unknown, i: number): Problem {
  const problem = value as Partial<Problem> | null | undefined;
  if (typeof problem?.prompt !== 'string' || problem.prompt === '')
    throw badTask(task, `problem ${i} has no prompt (a text that is not empty)`, value);
  if (typeof problem.answer !== 'string') throw badTask(task, `problem ${i} has no answer (a text)`, value);
  return problem as Problem;
}

function checkWeights(task: Task): void {
  const weights: unknown = task.weights;
  if (weights === undefined) return;
  const shares: unknown[] = typeof weights === 'object' && weights !== null ? Object.values(weights) : [];
  const isShare = (share: unknown) => Number.isFinite(share) && (share as number) >= 0;
  if (shares.every(isShare) && shares.some((share) => share !== 0)) return;
  throw badTask(task, 'its weights are not numbers of at least 0, one of them above it', weights);
}

function badTask(task: Task, what: string, value: unknown): GrpoError {
  return new GrpoError('BAD_TASK', `${task.name}: ${what}`, {
    fix: 'let problems() return a list of { prompt: string, answer: string }',
    value,
  });
}

/**
 * Chooses `count` problems, in an order that `key` decides; from each task of a mixture in proportion to its
 * weight. Without `count` a mixture has as many as the shares allow: the task with the fewest problems sets
 * the size.
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

/** Divides `size` into whole numbers in proportion to the shares, by the largest-remainder method. */
function apportion(shares: number[], size: number): number[] {
  const counts = shares.map((share) => Math.floor(share * size + 1e-9));
  const byRemainder = shares
    .map((share, i) => ({ i, remainder: share * size - counts[i]! }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  const missing = size - counts.reduce((sum, n) => sum + n, 0);
  for (const { i } of byRemainder.slice(0, Math.max(0, missing))) counts[i]!++;
  return counts;
}
