/**
 * A run around a method: steps one after another, metrics, evaluations, checkpoints, resuming,
 * interruption, the ending. GRPO and the supervised warm start differ in `takeStep` alone.
 */
import { join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import type { TrainableModel } from '../model/trainable.js';
import { CheckpointWriter } from './folder/checkpoint-writer.js';
import { OPTIMIZER_FILE, removeOld, type Checkpoint, type TrainerState } from './folder/checkpoints.js';
import { refuseFullDisk } from './folder/disk-room.js';
import { environment, withSitting, type Lineage } from './folder/environment.js';
import type { Change } from './folder/resume.js';
import type { RunFolder } from './folder/folder.js';
import { snakeDeep } from './folder/names.js';
import { type Metrics, type RunMetricName } from '../grpo/metrics.js';
import { MetricsLog } from './folder/metrics-log.js';
import { readRows } from './folder/read.js';
import { tracked, type TrackedSession } from './trackers/tracked.js';
import { startDiagnosis, type SessionDiagnosis } from './diagnose.js';
import { evaluationMetrics, type Evaluation } from './evaluate.js';
import type { Forecast, JudgedCompletion, TrainCallbacks, TrainPlan, TrainSummary } from './events.js';
import type { Method } from './method.js';
import { NonFiniteSteps } from './nonfinite.js';
import { Tally } from './tally.js';
import { shellOption } from '../common/shell.js';

export interface SessionOptions extends Pick<TrackedSession['options'], 'reportTo' | 'runName'> {
  evalSteps: number;
  saveSteps: number;
  saveTotalLimit: number;
  onNonfinite: 'skip' | 'stop';
  seed: number;
}

export interface Session {
  model: TrainableModel;
  method: Method;
  options: SessionOptions;
  /** As `config.yaml` says it: TRL's names. */
  config: Record<string, unknown>;
  lineage?: Lineage | undefined;
  /** Options that a resumed run has changed. */
  changes?: Change[];
  /** Whether the reference is a part of a checkpoint. */
  savesReference?: boolean;
  /** Columns of `metrics.csv` that other runs don't have. */
  columns?: readonly RunMetricName[];
  plan: TrainPlan;
  /** Says what the run will be like, before its first step. */
  forecast?: () => Promise<Forecast>;
  run: RunFolder | undefined;
  resumeFrom: Checkpoint | undefined;
  callbacks: TrainCallbacks;
  signal: AbortSignal | undefined;
}

/** The run, and the trackers that `report_to` names around it. */
export const runSession = (session: Session): Promise<TrainSummary> => tracked(session, runSteps);

async function runSteps(session: Session): Promise<TrainSummary> {
  const { model, method, options, plan, run, callbacks, signal, resumeFrom } = session;
  const state: TrainerState = resumeFrom
    ? { ...resumeFrom.state, max_steps: plan.steps }
    : { global_step: 0, epoch: 0, max_steps: plan.steps, seed: options.seed, num_tokens: 0, elapsed: 0 };
  const tally = new Tally();
  const nonfiniteSteps = new NonFiniteSteps(run, options.onNonfinite, callbacks.onNotice);
  let savedStep = resumeFrom?.state.global_step ?? 0;
  let after = state.eval_after;
  let log: MetricsLog | undefined;
  let checkpoint = resumeFrom?.path;
  let waited = 0;
  let diagnosis: SessionDiagnosis | undefined;
  const began = performance.now();
  const elapsedBefore = state.elapsed;
  const elapsed = () => elapsedBefore + (performance.now() - began) / 1000;
  const peakMemory = () => Math.max(state.peak_memory ?? 0, process.resourceUsage().maxRSS * 1024);
  const stepsAreLeft = () => state.global_step < plan.steps && !(after && method.reached?.(after));

  const writer =
    run &&
    new CheckpointWriter(
      run,
      model,
      {
        limit: options.saveTotalLimit,
        reference: session.savesReference ?? false,
        sync: async () => {
          await log?.sync();
          await method.sync?.();
        },
      },
      {
        whole: async ({ step, path, waited, seconds }) =>
          log?.note({ step, checkpoint: path, 'time/save': waited, 'time/save_total': seconds }),
        written: async (step, path) => {
          checkpoint = path;
          await callbacks.onCheckpoint?.(step, path);
        },
      },
    );
  const save = async (goesOn = true): Promise<void> => {
    if (!writer) return;
    callbacks.onPhase?.('saving', state.global_step);
    state.elapsed = elapsed();
    state.peak_memory = peakMemory();
    waited += await writer.save({ ...state, memory: method.remember?.(state.global_step) }, goesOn);
    savedStep = state.global_step;
  };

  /** The evaluation a step ends with, if it does, and its row. A checkpoint between the two keeps `pending`. */
  const finish = async (metrics: Metrics): Promise<void> => {
    state.pending = metrics;
    const last = state.global_step === plan.steps;
    let evaluated: Evaluation | undefined;
    if (
      plan.evalSamples > 0 &&
      (last || (options.evalSteps > 0 && state.global_step % options.evalSteps === 0))
    ) {
      callbacks.onPhase?.('evaluating', state.global_step);
      evaluated = await method.evaluate();
      after = state.eval_after = evaluated;
      Object.assign(metrics, evaluationMetrics(evaluated));
      if (!state.best || evaluated.accuracy > state.best.accuracy)
        state.best = { step: state.global_step, accuracy: evaluated.accuracy };
    }
    state.pending = undefined;
    await log?.step(metrics);
    await callbacks.onStep?.(metrics);
    if (evaluated) await callbacks.onEvaluate?.(state.global_step, evaluated);
    await diagnosis?.add(metrics);
    if (options.saveSteps > 0 && state.global_step % options.saveSteps === 0)
      await save(state.global_step < plan.steps);
  };

  // Of a run that is resumed when it is over: its files stay as they are.
  const ended =
    resumeFrom && !state.pending && !stepsAreLeft() ? await run?.endedAt(state.global_step) : undefined;
  let interrupted = false;
  try {
    if (ended)
      callbacks.onNotice?.(
        `nothing is left to do: the run has taken all of its ${state.global_step} steps, and stays as it is. More --max-steps or --num-train-epochs let it go on`,
      );
    else if (run) {
      await refuseFullDisk(run, plan.parameters, options);
      await describeRun(run, session);
      if (resumeFrom) await removeOld(run, options.saveTotalLimit);
      // Of where the run had come to before; while it goes on, it has none.
      await run.removeFile('summary.json');
      // Without a checkpoint the run is begun anew, its first evaluation too.
      log = await MetricsLog.open((name) => run.file(name), resumeFrom ? state.global_step : -1, {
        pending: state.pending !== undefined,
        ...(session.columns && { columns: session.columns }),
      });
    }
    const taken = run && resumeFrom ? await readRows(run.path) : [];
    for (const row of taken) if (row.step > 0) tally.add(row);
    diagnosis = startDiagnosis(plan, session.config, callbacks, log, taken);
    await callbacks.onPlan?.(plan);
    try {
      if (session.forecast && state.global_step === 0) {
        callbacks.onPhase?.('probing', 0);
        const forecast = await session.forecast();
        await run?.writeJson('forecast.json', snakeDeep(forecast));
        await callbacks.onForecast?.(forecast);
      }
      if (state.global_step === 0 && plan.evalSamples > 0 && !state.eval_before) {
        callbacks.onPhase?.('evaluating before the first step', 0);
        state.eval_before = await method.evaluate();
        const row = { step: 0, ...evaluationMetrics(state.eval_before) };
        await log?.note(row);
        await callbacks.onEvaluate?.(0, state.eval_before);
        await diagnosis.add(row);
      }
      if (state.pending) {
        tally.add(state.pending);
        await finish(state.pending);
      }
      while (stepsAreLeft()) {
        if (signal?.aborted) throw aborted();
        const { metrics, completions, nonfinite } = await method.takeStep(state.global_step + 1);
        await nonfiniteSteps.after(state.global_step + 1, nonfinite);
        if (nonfinite) metrics.nonfinite = 1;
        state.global_step++;
        state.num_tokens += metrics.num_tokens ?? 0;
        state.epoch = metrics.epoch ?? 0;
        metrics.num_tokens = state.num_tokens;
        metrics['time/save'] = waited;
        waited = 0;
        tally.add(metrics);
        if (completions) {
          await log?.completions(
            countEqual(completions).map((completion) => ({ step: state.global_step, ...completion })),
          );
          await callbacks.onCompletions?.(state.global_step, completions);
        }
        await finish(metrics);
      }
    } catch (thrown) {
      // Who aborts may say why: then the run ends with that.
      const reason: unknown = isAbort(thrown, signal) ? signal?.reason : undefined;
      const error = reason instanceof GrpoError ? reason : thrown;
      interrupted = error === thrown && isAbort(error, signal);
      // Weights are those of the last whole step: worth keeping whatever a reward function did.
      const usersFault = error instanceof GrpoError && (error === reason || KEEPS_WEIGHTS.test(error.code));
      if (state.global_step > savedStep && (interrupted || usersFault)) {
        await save(false);
        if (checkpoint && !interrupted) callbacks.onNotice?.(`saved ${checkpoint} before the error below`);
      }
      if (!interrupted && (await run?.isGone())) throw await folderGone(run!, model, error);
      if (!interrupted) throw error;
    }

    let finalModel = ended && run?.file('final');
    if (!interrupted && run && !ended) {
      if (state.global_step > savedStep) await save(false);
      await writer?.settle();
      callbacks.onPhase?.('saving', state.global_step);
      finalModel = await run.writeFolder('final', (folder) => model.save(folder));
    }
    await writer?.settle();
    const summary: TrainSummary = {
      steps: state.global_step,
      interrupted,
      seconds: (ended?.seconds as number | undefined) ?? elapsed(),
      ...tally.summary(),
      diagnoses: diagnosis.told(),
      before: state.eval_before,
      after: interrupted ? undefined : after,
      parameters: plan.parameters,
      peakMemory: (ended?.peak_memory as number | undefined) ?? peakMemory(),
      outputDir: run?.path,
      finalModel,
      checkpoint,
    };
    if (!ended) await run?.writeJson('summary.json', snakeDeep(summary));
    return summary;
  } finally {
    // What it still writes is written; an error of its own says less than the one under way.
    await writer?.settle().catch(() => undefined);
    await log?.close();
    await method.close?.();
  }
}

/** Faults of what a user gave, after which the weights are worth as much as before. */
const KEEPS_WEIGHTS = /^(REWARD_|TASK_|MODULE_|ALGORITHM_|DIVERGED$)/;

/** `config.yaml` and `env.json`: what the run is made with, and, where it goes on, with what else. */
async function describeRun(run: RunFolder, session: Session): Promise<void> {
  const { plan, options, lineage, resumeFrom, changes = [] } = session;
  const now = await environment(plan.engine, options.seed, lineage);
  const env = resumeFrom
    ? withSitting(await run.readJson('env.json'), now, {
        from_step: resumeFrom.state.global_step,
        changed: changes,
      })
    : now;
  await run.writeJson('env.json', env);
  // Last, and before anything else: what has a config.yaml is a run, and can be resumed with these options.
  await run.writeConfig(session.config);
}

/** The folder was removed while the run went on. What is left of the run is in memory: it is put where the run was. */
async function folderGone(run: RunFolder, model: TrainableModel, cause: unknown): Promise<GrpoError> {
  const rescued = await run.writeFolder('rescued', (folder) => model.save(folder)).catch(() => undefined);
  return new GrpoError('RUN_FOLDER_GONE', `${run.path} was removed or moved while the run went on`, {
    fix:
      rescued === undefined
        ? 'start the run again, and leave its folder alone until it ends'
        : `start another run from its weights as they are now: ${shellOption('init-from', rescued)}`,
    value: run.path,
    exitCode: 1,
    cause,
  });
}

/** Equal completions of a prompt once, with how many there were. */
function countEqual(completions: JudgedCompletion[]): (JudgedCompletion & { count: number })[] {
  const seen = new Map<string, JudgedCompletion & { count: number }>();
  for (const completion of completions) {
    const key = JSON.stringify(completion);
    const known = seen.get(key);
    if (known) known.count++;
    else seen.set(key, { ...completion, count: 1 });
  }
  return [...seen.values()];
}

/** Weights, then moments, of a checkpoint. The reference must be frozen before. */
export async function restore(model: TrainableModel, { path, state }: Checkpoint): Promise<void> {
  await model.loadWeights(path);
  await model.loadOptimizer(join(path, OPTIMIZER_FILE), state.global_step);
}

/** The columns of an evaluation on several tasks. */
export const taskColumns = (names: readonly string[]): RunMetricName[] =>
  names.flatMap((name): RunMetricName[] => [
    `eval/${name}/accuracy`,
    `eval/${name}/accuracy_low`,
    `eval/${name}/accuracy_high`,
  ]);

function aborted(): GrpoError {
  return new GrpoError('ABORTED', 'the run was aborted', { fix: 'continue it with --resume', exitCode: 1 });
}

function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  if (!signal?.aborted) return false;
  return (error as { code?: unknown }).code === 'ABORTED' || (error as Error).name === 'AbortError';
}
