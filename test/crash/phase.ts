/** What a run was about when it was killed, told by what it had printed and by what lies in its folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PHASES = [
  'starting, before the run folder is taken',
  'loading, restoring, cutting the logs',
  'evaluating before the first step',
  'steps and evaluations',
  'writing a checkpoint',
  'a checkpoint whole but without its name',
  'removing an old checkpoint',
  'writing the final model',
  'ending',
] as const;
export type Phase = (typeof PHASES)[number];

/**
 * @param events names of the JSON lines that it printed
 * @param limit `save_total_limit`
 */
export function phaseOf(folder: string, pid: number, events: readonly string[], limit: number): Phase {
  if (!events.includes('plan'))
    return holdsLock(folder, pid)
      ? 'loading, restoring, cutting the logs'
      : 'starting, before the run folder is taken';
  const checkpoints = list(join(folder, 'checkpoints'));
  const steps = checkpoints.filter((name) => /^checkpoint-\d+$/.test(name)).map(stepIn);
  const unnamed = checkpoints.filter((name) => /^\.checkpoint-\d+\.tmp$/.test(name));
  const unfinished = unnamed.find((name) => stepIn(name) > Math.max(0, ...steps));
  if (unfinished)
    return existsSync(join(folder, 'checkpoints', unfinished, 'manifest.json'))
      ? 'a checkpoint whole but without its name'
      : 'writing a checkpoint';
  if (unnamed.length > 0 || steps.length > limit) return 'removing an old checkpoint';
  if (existsSync(join(folder, '.final.tmp'))) return 'writing the final model';
  if (existsSync(join(folder, 'final'))) return 'ending';
  return events.includes('step') || events.includes('evaluation') || checkpoints.length > 0
    ? 'steps and evaluations'
    : 'evaluating before the first step';
}

/** Whether the lock in the folder is the process's: one that was killed leaves it. */
export function holdsLock(folder: string, pid: number): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, 'run.lock'), 'utf8')) as { pid: number }).pid === pid;
  } catch {
    return false;
  }
}

const stepIn = (name: string): number => Number(/\d+/.exec(name)![0]);

export const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
