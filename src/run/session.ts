/**
 * A run around a method: steps one after another, metrics, evaluations, checkpoints, resuming, interruption, the
 * ending. GRPO and the supervised warm start differ in `takeStep` alone. What happens at each line of `runSteps`
 * is in `progress.ts`.
 */
import type { TrainSummary } from './events.js';
import type { Session } from './method.js';
import { Progress } from './progress.js';
import { tracked } from './trackers/tracked.js';

/** The run, and the trackers that `report_to` names around it. */
export const runSession = (session: Session): Promise<TrainSummary> => tracked(session, runSteps);

async function runSteps(session: Session): Promise<TrainSummary> {
  const progress = new Progress(session);
  try {
    await progress.open();
    try {
      await progress.forecast();
      await progress.evaluateBefore();
      await progress.finishPendingStep();
      while (progress.stepsAreLeft()) await progress.takeStep();
    } catch (error) {
      await progress.interrupted(error);
    }
    await progress.saveFinalModel();
    return await progress.summarize();
  } finally {
    await progress.close();
  }
}
