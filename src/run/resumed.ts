/** What a resumed or forked run makes of its number of steps and its learning rate, before anything is written. */
import { camelKeys } from '../config/names.js';
import { GrpoError } from '../common/errors.js';
import type { Place } from './stages/folder.js';
import { learningRateAt, type ScheduleOptions } from '../grpo/schedule.js';

/**
 * @param steps of the run as it is to go on
 * @param config its options, as `config.yaml` has them
 * @throws {GrpoError} RESUME_STEPS where the run has taken more of them already; FORK_STEPS where none are left to a
 *   fork
 */
export function checkResumed(
  { resumeFrom, fork, changes }: Pick<Place, 'resumeFrom' | 'fork' | 'changes'>,
  steps: number,
  config: Record<string, unknown>,
  onNotice: ((text: string) => void) | undefined,
): void {
  if (!resumeFrom) return;
  const { path, state } = resumeFrom;
  const done = state.global_step;
  if (fork && steps <= done)
    throw new GrpoError(
      'FORK_STEPS',
      `the checkpoint is of step ${done}, and the fork is to end after ${steps}`,
      {
        fix: `give a --max-steps of more than ${done}, or an earlier checkpoint`,
        value: steps,
      },
    );
  if (steps < done)
    throw new GrpoError('RESUME_STEPS', `the run has taken ${done} steps, and is to end after ${steps}`, {
      fix: `resume with a --max-steps of more than ${done}, go back to an earlier checkpoint (--resume checkpoint-N), or start another run from these weights: --init-from ${path}`,
      value: steps,
    });
  if (steps === done) return;
  const before = { ...config, ...Object.fromEntries(changes.map(({ option, before }) => [option, before])) };
  const jump = rateJump(done, schedule(before, state.max_steps), schedule(config, steps));
  if (!jump) return;
  const [last, next] = [jump.last, jump.next].map((rate) => Number(rate.toPrecision(4)).toExponential());
  const why =
    steps === state.max_steps
      ? 'the schedule is another one'
      : `the ${String(config.lr_scheduler_type)} schedule is computed anew over ${steps} steps, which were ${state.max_steps}`;
  onNotice?.(
    `the learning rate is ${last} at step ${done} and ${next} at step ${done + 1}: ${why}. To go on without that, use --lr-scheduler-type constant --learning-rate ${last}, or start another run from these weights: --init-from ${path}`,
  );
}

/** A smaller difference is one of rounding. */
const TOLD = 1e-3;

interface Schedule {
  steps: number;
  options: ScheduleOptions;
}

const schedule = (config: Record<string, unknown>, steps: number): Schedule => ({
  steps,
  options: camelKeys(config) as unknown as ScheduleOptions,
});

/** The rates of step `done` and of the one after it, where another schedule takes over between them. */
function rateJump(done: number, before: Schedule, now: Schedule): { last: number; next: number } | undefined {
  // Schedules count steps from 0.
  const last = learningRateAt(done - 1, before.steps, before.options);
  const same = learningRateAt(done - 1, now.steps, now.options);
  if (Math.abs(same - last) <= TOLD * last) return undefined;
  return { last, next: learningRateAt(done, now.steps, now.options) };
}
