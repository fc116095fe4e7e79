/** A rollout as JSON and back: for a checkpoint between two steps that learn from the same rollout. */
import { GrpoError } from '../common/errors.js';
import type { Problem } from '../data/tasks/task.js';
import type { GroupKnowledge } from './estimators/groups.js';
import type { Rollout } from './rollout.js';

/**
 * Numbers of an array; NaN, which JSON does not have, is null. JSON's decimals hold float32 numbers exactly.
 */
type Numbers = (number | null)[];

/** A rollout in JSON types. */
export interface RolloutMemory extends Omit<
  Rollout,
  'batch' | 'completions' | 'advantages' | 'knowledge' | 'refLogps' | 'oldLogps'
> {
  /** Absent in checkpoints of versions up to 0.2. */
  knowledge?: GroupKnowledge[];
  batch: { prompts: number[][]; completions: number[][]; promptOf: number[] };
  completions: (Omit<Rollout['completions'][number], 'problem' | 'rewards'> & {
    prompt: string;
    rewards: Numbers;
  })[];
  advantages: { values: number[]; weights: number[] | null; rewards: Numbers; flat: boolean[] };
  refLogps: number[] | null;
  oldLogps: Numbers;
}

const toNumbers = (values: Iterable<number>): Numbers =>
  Array.from(values, (value) => (Number.isNaN(value) ? null : value));
const fromNumbers = (values: Numbers): number[] => values.map((value) => value ?? NaN);

export function rememberRollout(rollout: Rollout): RolloutMemory {
  const { batch, completions, advantages, refLogps, oldLogps } = rollout;
  return {
    ...rollout,
    batch: {
      prompts: batch.prompts.map((ids) => [...ids]),
      completions: batch.completions.map((ids) => [...ids]),
      promptOf: [...batch.promptOf],
    },
    completions: completions.map(({ problem, rewards, ...rest }) => ({
      ...rest,
      prompt: problem.prompt,
      rewards: toNumbers(rewards),
    })),
    advantages: {
      values: [...advantages.values],
      weights: advantages.weights && [...advantages.weights],
      rewards: toNumbers(advantages.rewards),
      flat: advantages.flat,
    },
    refLogps: refLogps ? [...refLogps] : null,
    oldLogps: toNumbers(oldLogps),
  };
}

/**
 * Restores a rollout from a checkpoint.
 * @param problems of the training split
 * @throws {GrpoError} CHECKPOINT_INVALID where the task no longer has a problem of the rollout
 */
export function recallRollout(memory: RolloutMemory, problems: Problem[]): Rollout {
  const { batch, completions, advantages, refLogps, oldLogps, knowledge = [], ...rest } = memory;
  const byPrompt = new Map(problems.map((problem) => [problem.prompt, problem]));
  return {
    ...rest,
    knowledge,
    batch: {
      prompts: batch.prompts.map((ids) => Int32Array.from(ids)),
      completions: batch.completions.map((ids) => Int32Array.from(ids)),
      promptOf: Int32Array.from(batch.promptOf),
    },
    completions: completions.map(({ prompt, rewards, ...completion }) => {
      const problem = byPrompt.get(prompt);
      if (problem) return { ...completion, problem, rewards: fromNumbers(rewards) };
      throw new GrpoError(
        'CHECKPOINT_INVALID',
        `the checkpoint holds a problem that the task no longer has: ${prompt}`,
        {
          fix: 'resume with the task and the seed that the run was started with',
          value: prompt,
        },
      );
    }),
    advantages: {
      values: Float64Array.from(advantages.values),
      weights: advantages.weights ? Float64Array.from(advantages.weights) : null,
      rewards: Float64Array.from(fromNumbers(advantages.rewards)),
      flat: advantages.flat,
    },
    refLogps: refLogps ? Float32Array.from(refLogps) : undefined,
    oldLogps: Float32Array.from(fromNumbers(oldLogps)),
  };
}
