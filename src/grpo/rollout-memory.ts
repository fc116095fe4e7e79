/** A rollout as JSON and back, for a checkpoint between two uses of the same completions. */
import { GrpoError } from '../errors.js';
import type { Problem } from '../tasks/task.js';
import type { Rollout } from './rollout.js';

/** float32 numbers are exact in JSON's decimals. */
interface Memory extends Omit<Rollout, 'batch' | 'completions' | 'advantages' | 'refLogps' | 'oldLogps'> {
  batch: { prompts: number[][]; completions: number[][]; promptOf: number[] };
  completions: (Omit<Rollout['completions'][number], 'problem'> & { prompt: string })[];
  advantages: Omit<Rollout['advantages'], 'values'> & { values: number[] };
  refLogps: number[] | null;
  oldLogps: number[] | null;
}

export function rememberRollout(rollout: Rollout): Memory {
  const { batch, completions, advantages, refLogps, oldLogps } = rollout;
  return {
    ...rollout,
    batch: {
      prompts: batch.prompts.map((ids) => [...ids]),
      completions: batch.completions.map((ids) => [...ids]),
      promptOf: [...batch.promptOf],
    },
    completions: completions.map(({ problem, ...rest }) => ({ ...rest, prompt: problem.prompt })),
    advantages: { ...advantages, values: [...advantages.values] },
    refLogps: refLogps ? [...refLogps] : null,
    oldLogps: oldLogps ? [...oldLogps] : null,
  };
}

/** @param problems of the training split */
export function recallRollout(memory: unknown, problems: Problem[]): Rollout {
  const { batch, completions, advantages, refLogps, oldLogps, ...rest } = memory as Memory;
  const byPrompt = new Map(problems.map((problem) => [problem.prompt, problem]));
  return {
    ...rest,
    batch: {
      prompts: batch.prompts.map((ids) => Int32Array.from(ids)),
      completions: batch.completions.map((ids) => Int32Array.from(ids)),
      promptOf: Int32Array.from(batch.promptOf),
    },
    completions: completions.map(({ prompt, ...completion }) => {
      const problem = byPrompt.get(prompt);
      if (problem) return { ...completion, problem };
      throw new GrpoError(
        'CHECKPOINT_INVALID',
        `the checkpoint holds a problem that the task no longer has: ${prompt}`,
        {
          fix: 'resume with the task and the seed that the run was started with',
          value: prompt,
        },
      );
    }),
    advantages: { ...advantages, values: Float64Array.from(advantages.values) },
    refLogps: refLogps ? Float32Array.from(refLogps) : undefined,
    oldLogps: oldLogps ? Float32Array.from(oldLogps) : undefined,
  };
}
