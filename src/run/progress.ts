/** Where a run is, and what each part of it does to its files: the parts of `session.ts`, in their order. */
import { basename } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { shellOption } from '../common/shell.js';
import { toKebab } from '../config/names.js';
import type { Metrics } from '../grpo/metrics.js';
import type { TrainableModel } from '../model/trainable.js';
import { startDiagnosis, type SessionDiagnosis } from './diagnose.js';
import { Chooser, type Evaluated } from './chooser.js';
import type { EarlyEnd } from './choosing.js';
import { evaluationMetrics, validationMetrics, type Evaluation } from './evaluate.js';
import type { JudgedCompletion, TrainSummary } from './events.js';
import { CheckpointWriter } from './folder/checkpoint-writer.js';
import { removeOld, type TrainerState } from './folder/checkpoints.js';
import { refuseFullDisk } from './folder/disk-room.js';
import { environment, withSitting } from './folder/environment.js';
import type { RunFolder } from './folder/folder.js';
import { copyMetrics } from './folder/fork.js';
import { MetricsLog } from './folder/metrics-log.js';
import { snakeDeep } from './folder/names.js';
import { readRows } from './folder/read.js';
import { NonFiniteSteps } from './nonfinite.js';
import type { Session } from './method.js';
import { Tally } from './tally.js';

export class Progress {
  readonly #session: Session;
  /** What a checkpoint remembers of the run, as it is now. */
  readonly #state: TrainerState;
  readonly #tally = new Tally();
  readonly #nonfinite: NonFiniteSteps;
  readonly #writer: CheckpointWriter | undefined;
  /** Keeps the best weights, in a run that chooses. */
  readonly #chooser: Chooser | undefined;
  readonly #began = performance.now();
  /** Seconds of the sittings before this one. */
  readonly #elapsedBefore: number;
  #log: MetricsLog | undefined;
  #diagnosis: SessionDiagnosis | undefined;
  /** The last evaluation. */
  #after: Evaluation | undefined;
  /** Step of the newest checkpoint, and its folder. */
  #savedStep: number;
  #checkpoint: string | undefined;
  /** Seconds that the run waited for checkpoints since its last step. */
  #waited = 0;
  /** The summary of a run that was over before it was resumed: its files stay as they are. */
  #ended: Record<string, unknown> | undefined;
  #interrupted = false;
  #finalModel: string | undefined;

  constructor(session: Session) {
    const { plan, options, run, callbacks, resumeFrom } = session;
    this.#session = session;
    this.#state = resumeFrom
      ? { ...resumeFrom.state, max_steps: plan.steps }
      : { global_step: 0, epoch: 0, max_steps: plan.steps, seed: options.seed, num_tokens: 0, elapsed: 0 };
    this.#elapsedBefore = this.#state.elapsed;
    this.#after = this.#state.eval_after;
    this.#savedStep = resumeFrom?.state.global_step ?? 0;
    this.#checkpoint = resumeFrom?.path;
    this.#nonfinite = new NonFiniteSteps(run, options.onNonfinite, callbacks.onNotice);
    this.#writer = run && this.#checkpointWriter(run);
    this.#chooser = session.choosing && new Chooser(session.choosing, this.#state, run, session.model);
  }

  /** The files of the run folder, cut to the checkpoint where the run is resumed. */
  async open(): Promise<void> {
    const { run, plan, options, callbacks, resumeFrom, fork, columns } = this.#session;
    const { global_step: step, pending } = this.#state;
    if (resumeFrom && !pending && !this.stepsAreLeft()) this.#ended = await run?.endedAt(step);
    if (this.#ended) callbacks.onNotice?.(nothingLeft(step, this.#earlyEnd()));
    else if (run) {
      await refuseFullDisk(run, plan.trainableParameters, options, this.#chooser !== undefined);
      await describeRun(run, this.#session);
      if (fork) await copyMetrics(fork.run, run);
      if (resumeFrom) await removeOld(run, options.saveTotalLimit);
      await this.#chooser?.restore(callbacks.onNotice);
      // Of where the run had come to before; while it goes on, it has none.
      await run.removeFile('summary.json');
      // Without a checkpoint the run is begun anew, its first evaluation too.
      this.#log = await MetricsLog.open((name) => run.file(name), resumeFrom ? step : -1, {
        pending: pending !== undefined,
        ...(columns && { columns }),
      });
    }
    const taken = run && resumeFrom ? await readRows(run.path) : [];
    if (fork) await this.#log?.copied(taken);
    for (const row of taken) if (row.step > 0) this.#tally.add(row);
    this.#diagnosis = startDiagnosis(plan, this.#session.config, callbacks, this.#log, taken);
    await callbacks.onPlan?.(plan);
  }

  /** What the run will be like, before its first step. */
  async forecast(): Promise<void> {
    const { forecast, callbacks, run } = this.#session;
    if (!forecast || this.#state.global_step > 0) return;
    callbacks.onPhase?.('probing', 0);
    const told = await forecast();
    await run?.writeJson('forecast.json', snakeDeep(told));
    await callbacks.onForecast?.(told);
  }

  /** The evaluation of the model as it was before the first step, by which nothing is chosen. */
  async evaluateBefore(): Promise<void> {
    if (this.#state.global_step > 0 || !this.#evaluates() || this.#state.eval_before) return;
    this.#session.callbacks.onPhase?.('evaluating before the first step', 0);
    const evaluated = await this.#evaluate();
    this.#state.eval_before = evaluated.heldOut;
    const row = { step: 0, ...metricsOf(evaluated) };
    await this.#log?.note(row);
    await this.#tellEvaluated(0, evaluated);
    await this.#diagnosis?.add(row);
  }

  /** What was still to do of the checkpoint's step: its evaluation and its row. */
  async finishPendingStep(): Promise<void> {
    const { pending } = this.#state;
    if (!pending) return;
    this.#tally.add(pending);
    await this.#finishStep(pending);
  }

  stepsAreLeft(): boolean {
    const { plan, method } = this.#session;
    if (this.#state.global_step >= plan.steps || this.#earlyEnd()) return false;
    return !(this.#after && method.reached?.(this.#after));
  }

  /** One optimiser step, with all that is written and told of it. */
  async takeStep(): Promise<void> {
    const { method, callbacks, signal } = this.#session;
    const state = this.#state;
    if (signal?.aborted) throw aborted();
    const { metrics, completions, nonfinite } = await method.takeStep(state.global_step + 1);
    await this.#nonfinite.after(state.global_step + 1, nonfinite);
    if (nonfinite) metrics.nonfinite = 1;
    state.global_step++;
    state.num_tokens += metrics.num_tokens ?? 0;
    state.epoch = metrics.epoch ?? 0;
    metrics.num_tokens = state.num_tokens;
    metrics['time/save'] = this.#waited;
    this.#waited = 0;
    this.#tally.add(metrics);
    if (completions) {
      await this.#log?.completions(
        countEqual(completions).map((completion) => ({ step: state.global_step, ...completion })),
      );
      await callbacks.onCompletions?.(state.global_step, completions);
    }
    await this.#finishStep(metrics);
  }

  /**
   * After an error in the steps: weights that are worth keeping are saved.
   * @throws what was thrown, unless the run was told to stop
   */
  async interrupted(thrown: unknown): Promise<void> {
    const { model, run, callbacks, signal } = this.#session;
    // Who aborts may say why: then the run ends with that.
    const reason: unknown = isAbort(thrown, signal) ? signal?.reason : undefined;
    const error = reason instanceof GrpoError ? reason : thrown;
    this.#interrupted = error === thrown && isAbort(error, signal);
    // Weights are those of the last whole step: worth keeping whatever a reward function did.
    const usersFault = error instanceof GrpoError && (error === reason || KEEPS_WEIGHTS.test(error.code));
    if (this.#state.global_step > this.#savedStep && (this.#interrupted || usersFault)) {
      await this.#save(false);
      if (this.#checkpoint && !this.#interrupted)
        callbacks.onNotice?.(`saved ${this.#checkpoint} before the error below`);
    }
    if (this.#interrupted) return;
    if (run && (await run.isGone())) throw await folderGone(run, model, error);
    throw error;
  }

  /** `final/`, after the last step. */
  async saveFinalModel(): Promise<void> {
    const { model, run, callbacks } = this.#session;
    if (this.#ended) this.#finalModel = run?.file('final');
    else if (run && !this.#interrupted) {
      if (this.#state.global_step > this.#savedStep) await this.#save(false);
      await this.#writer?.settle();
      callbacks.onPhase?.('saving', this.#state.global_step);
      this.#finalModel = await run.writeFolder('final', (folder) => model.save(folder));
    }
    await this.#writer?.settle();
    if (!this.#ended) await this.#chooser?.tidy();
  }

  /** What the run came to, as `summary.json` has it. */
  async summarize(): Promise<TrainSummary> {
    const { plan, run } = this.#session;
    const ended = this.#ended;
    const best = this.#chooser?.best();
    const after = best?.loaded ? best.heldOut : this.#after;
    const earlyEnd = this.#interrupted ? undefined : this.#earlyEnd();
    const summary: TrainSummary = {
      steps: this.#state.global_step,
      interrupted: this.#interrupted,
      seconds: (ended?.seconds as number | undefined) ?? this.#elapsed(),
      ...this.#tally.summary(),
      diagnoses: this.#diagnosis?.told() ?? [],
      before: this.#state.eval_before,
      after: this.#interrupted ? undefined : after,
      ...(best && { best }),
      ...(earlyEnd && { earlyEnd }),
      parameters: plan.parameters,
      trainableParameters: plan.trainableParameters,
      peakMemory: (ended?.peak_memory as number | undefined) ?? this.#peakMemory(),
      outputDir: run?.path,
      finalModel: this.#finalModel,
      checkpoint: this.#checkpoint,
    };
    if (!ended) await run?.writeJson('summary.json', snakeDeep(summary));
    return summary;
  }

  async close(): Promise<void> {
    // What it still writes is written; an error of its own says less than the one under way.
    await this.#writer?.settle().catch(() => undefined);
    await this.#log?.close();
    await this.#session.method.close?.();
  }

  /** The evaluation a step ends with, if it does, and its row. A checkpoint between the two keeps `pending`. */
  async #finishStep(metrics: Metrics): Promise<void> {
    const { plan, options, callbacks } = this.#session;
    const state = this.#state;
    const step = state.global_step;
    const every = (steps: number) => steps > 0 && step % steps === 0;
    state.pending = metrics;
    let evaluated: Evaluated = {};
    if (this.#evaluates() && (step === plan.steps || every(options.evalSteps))) {
      callbacks.onPhase?.('evaluating', step);
      evaluated = await this.#evaluate();
      const { heldOut } = evaluated;
      if (heldOut) this.#after = state.eval_after = heldOut;
      if (heldOut && (!state.best || heldOut.accuracy > state.best.accuracy))
        state.best = { step, accuracy: heldOut.accuracy };
      if (this.#chooser) {
        callbacks.onPhase?.('saving', step);
        this.#waited += await this.#chooser.add(evaluated, this.#savedStep);
      }
      Object.assign(metrics, metricsOf(evaluated));
    }
    state.pending = undefined;
    await this.#log?.step(metrics);
    await callbacks.onStep?.(metrics);
    await this.#tellEvaluated(step, evaluated);
    await this.#diagnosis?.add(metrics);
    if (every(options.saveSteps)) await this.#save(this.stepsAreLeft());
  }

  #evaluates(): boolean {
    const { plan, method } = this.#session;
    return plan.evalSamples > 0 || method.validate !== undefined;
  }

  /** Both evaluations, of which nothing is kept where one is interrupted. */
  async #evaluate(): Promise<Evaluated> {
    const { plan, method } = this.#session;
    const heldOut = plan.evalSamples > 0 ? await method.evaluate() : undefined;
    return { heldOut, validation: await method.validate?.() };
  }

  async #tellEvaluated(step: number, { heldOut, validation }: Evaluated): Promise<void> {
    const { callbacks } = this.#session;
    if (heldOut) await callbacks.onEvaluate?.(step, heldOut);
    if (validation) await callbacks.onValidate?.(step, validation);
  }

  /** Why the run ends before its last step, or has ended; undefined where it goes on, or ends with that step. */
  #earlyEnd(): EarlyEnd | undefined {
    return this.#state.global_step < this.#session.plan.steps ? this.#chooser?.earlyEnd() : undefined;
  }

  /** @param goesOn whether the run goes on while the checkpoint is written */
  async #save(goesOn: boolean): Promise<void> {
    if (!this.#writer) return;
    const { method, callbacks } = this.#session;
    const state = this.#state;
    callbacks.onPhase?.('saving', state.global_step);
    state.elapsed = this.#elapsed();
    state.peak_memory = this.#peakMemory();
    const memory = method.remember?.(state.global_step);
    this.#waited += await this.#writer.save({ ...state, memory }, goesOn);
    this.#savedStep = state.global_step;
  }

  #checkpointWriter(run: RunFolder): CheckpointWriter {
    const { model, method, options, callbacks, savesReference } = this.#session;
    return new CheckpointWriter(
      run,
      model,
      {
        limit: options.saveTotalLimit,
        reference: savesReference ?? false,
        sync: async () => {
          await this.#log?.sync();
          await method.sync?.();
        },
      },
      {
        whole: async ({ step, path, waited, seconds }) =>
          this.#log?.note({ step, checkpoint: path, 'time/save': waited, 'time/save_total': seconds }),
        written: async (step, path) => {
          this.#checkpoint = path;
          await callbacks.onCheckpoint?.(step, path);
        },
      },
    );
  }

  /** Seconds of training, over all sittings. */
  #elapsed(): number {
    return this.#elapsedBefore + (performance.now() - this.#began) / 1000;
  }

  /** Bytes that the process has taken at most, over all sittings. */
  #peakMemory(): number {
    return Math.max(this.#state.peak_memory ?? 0, process.resourceUsage().maxRSS * 1024);
  }
}

const metricsOf = ({ heldOut, validation }: Evaluated): Partial<Metrics> => ({
  ...(heldOut && evaluationMetrics(heldOut)),
  ...(validation && validationMetrics(validation)),
});

const nothingLeft = (step: number, early: EarlyEnd | undefined): string =>
  early
    ? `nothing is left to do: the run ended after step ${step}, since ${early.reason}, and stays as it is. A greater --${toKebab(early.option)} lets it go on`
    : `nothing is left to do: the run has taken all of its ${step} steps, and stays as it is. More --max-steps or --num-train-epochs let it go on`;

/** Faults of what a user gave, after which the weights are worth as much as before. */
const KEEPS_WEIGHTS = /^(REWARD_|TASK_|MODULE_|ALGORITHM_|DIVERGED$)/;

/** `config.yaml` and `env.json`: what the run is made with, and, where it goes on, with what else. */
async function describeRun(run: RunFolder, session: Session): Promise<void> {
  const { plan, options, lineage, dataset, fingerprints, resumeFrom, fork, changes = [] } = session;
  const forkedFrom = fork && {
    run: fork.run.path,
    checkpoint: basename(fork.checkpoint.path),
    step: fork.checkpoint.state.global_step,
    changed: changes,
  };
  const origin = { lineage, forkedFrom, dataset, fingerprints };
  const now = await environment(plan.engine, options.seed, origin, session.ranks);
  const own = resumeFrom && !fork;
  const env = own
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

function aborted(): GrpoError {
  return new GrpoError('ABORTED', 'the run was aborted', { fix: 'continue it with --resume', exitCode: 1 });
}

function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  if (!signal?.aborted) return false;
  return (error as { code?: unknown }).code === 'ABORTED' || (error as Error).name === 'AbortError';
}
