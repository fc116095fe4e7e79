/** Options that were changed when a run was resumed or forked: which changes are allowed, and which are refused. */
import { GrpoError } from '../../common/errors.js';

export interface Change {
  option: string;
  before: unknown;
  now: unknown;
}

/** Where a fork began (`fork_from`), as its `env.json` has it (`forked_from`). */
export interface ForkedFrom {
  /** Folder of the run that it left. */
  run: string;
  /** Name of the checkpoint. */
  checkpoint: string;
  /** Step of the checkpoint: later steps are the fork's own. */
  step: number;
  /** Options that differ from that run's. */
  changed: Change[];
}

/** Options that do not affect what a run computes; their changes are ignored. */
const IGNORED = ['output_dir', 'resume', 'preset', 'report_to', 'run_name'];

/**
 * Options that decide which prompts a step has. With other values the step of the checkpoint would be a step of
 * another run, so these changes are refused.
 */
const FIXED = [
  'model',
  'init_from',
  'fork_from',
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

/** The options whose values differ. Options that only one of the two versions knows are ignored. */
export function changesOf(before: Record<string, unknown>, now: Record<string, unknown>): Change[] {
  return Object.keys(now)
    .filter((option) => option in before && !IGNORED.includes(option))
    .map((option) => ({ option, before: before[option], now: now[option] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.now));
}

export const changeText = ({ option, before, now }: Change): string =>
  `${option} ${JSON.stringify(before)} is now ${JSON.stringify(now)}`;

/** @throws {GrpoError} RESUME_CHANGED or FORK_CHANGED */
export function refuseMeaningless(changes: readonly Change[], how: 'resume' | 'fork' = 'resume'): void {
  const wrong = changes.filter(({ option }) => FIXED.includes(option));
  if (wrong.length === 0) return;
  const run = how === 'fork' ? 'a fork' : 'a resumed run';
  throw new GrpoError(
    how === 'fork' ? 'FORK_CHANGED' : 'RESUME_CHANGED',
    `${run} can't go on with ${wrong.map(changeText).join(', ')}`,
    {
      fix: `${how} without these options, or start another run, from these weights if you like: --init-from RUN`,
      value: wrong.map(({ option }) => option),
    },
  );
}
