/** What a resumed run may have changed, and what would make it another run. */
import { GrpoError } from '../../common/errors.js';

export interface Change {
  option: string;
  before: unknown;
  now: unknown;
}

/** They say nothing about the run itself. */
const APART = ['output_dir', 'resume', 'preset', 'report_to', 'run_name'];

/**
 * What a step means hangs on these: which prompts it has, and how often they were met. With others the
 * checkpoint's step would be the step of another run.
 */
const FIXED = [
  'model',
  'init_from',
  'task',
  'task_weights',
  'max_operand',
  'operations',
  'curriculum',
  'train_samples',
  'unique_samples',
  'seed',
  'batch_size',
  'num_generations',
  'steps_per_generation',
  'gradient_accumulation_steps',
  'num_iterations',
];

/** Options that differ; those that only one of the two knows don't count. */
export function changesOf(before: Record<string, unknown>, now: Record<string, unknown>): Change[] {
  return Object.keys(now)
    .filter((option) => option in before && !APART.includes(option))
    .map((option) => ({ option, before: before[option], now: now[option] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.now));
}

export const changeText = ({ option, before, now }: Change): string =>
  `${option} ${JSON.stringify(before)} is now ${JSON.stringify(now)}`;

/** @throws {GrpoError} RESUME_CHANGED */
export function refuseMeaningless(changes: readonly Change[]): void {
  const wrong = changes.filter(({ option }) => FIXED.includes(option));
  if (wrong.length === 0) return;
  throw new GrpoError(
    'RESUME_CHANGED',
    `a resumed run can't go on with ${wrong.map(changeText).join(', ')}`,
    {
      fix: 'resume without these options, or start another run, from these weights if you like: --init-from RUN',
      value: wrong.map(({ option }) => option),
    },
  );
}
