/** The diagnosis of a run: told to whoever listens, and kept in `metrics.jsonl`. */
import type { Diagnosed } from './diagnosis/events.js';
import { Diagnosis } from './diagnosis/monitor.js';
import type { Metrics } from '../grpo/metrics.js';
import type { MetricsLog } from './folder/metrics-log.js';
import type { TrainCallbacks, TrainPlan } from './events.js';

export interface SessionDiagnosis {
  add(row: Metrics): Promise<void>;
  told(): Diagnosed[];
}

/**
 * @param config as `config.yaml` has it
 * @param taken rows of the steps that a resumed run has taken: they are looked at again, and nothing is told twice
 */
export function startDiagnosis(
  plan: TrainPlan,
  config: Record<string, unknown>,
  callbacks: Pick<TrainCallbacks, 'onDiagnosis'>,
  log: MetricsLog | undefined,
  taken: readonly Metrics[],
): SessionDiagnosis {
  const diagnosis = new Diagnosis({
    kind: plan.kind,
    steps: plan.steps,
    beta: plan.beta,
    learningRate: config.learning_rate as number,
    numGenerations: plan.numGenerations,
    maxCompletionLength: config.max_completion_length as number,
    stop: config.stop as string | string[],
    trainProblems: plan.trainProblems,
    repeatedShare: plan.repeatedShare,
  });
  for (const row of taken) diagnosis.add(row);
  return {
    async add(row) {
      for (const event of diagnosis.add(row)) {
        await log?.note({ ...event });
        await callbacks.onDiagnosis?.(event);
      }
    },
    told: () => diagnosis.told.map((one) => ({ ...one })),
  };
}
