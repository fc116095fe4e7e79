/** Keeps the best weights of a run while it goes on, and says when it is to end before its last step. */
import { BEST } from '../model/run-weights.js';
import type { TrainableModel } from '../model/trainable.js';
import {
  earlyEnd,
  evaluationsWithout,
  isBest,
  type Best,
  type ChoiceState,
  type Choosing,
  type EarlyEnd,
} from './choosing.js';
import type { Evaluation } from './evaluate.js';
import { removeFormer, restoreBest, saveBest } from './folder/best.js';
import type { RunFolder } from './folder/folder.js';

/** What the evaluations of a step measured; each where it was asked for. */
export interface Evaluated {
  heldOut?: Evaluation | undefined;
  validation?: Evaluation | undefined;
}

/** Nothing is the best. */
const NONE = {
  best_metric: undefined,
  best_global_step: undefined,
  best_model_checkpoint: undefined,
  best_validation: undefined,
  best_held_out: undefined,
} satisfies ChoiceState;

export class Chooser {
  readonly #choosing: Choosing;
  readonly #state: ChoiceState & { global_step: number };
  readonly #run: RunFolder | undefined;
  readonly #model: Pick<TrainableModel, 'save'>;

  /**
   * @param state what checkpoints remember of the run: this keeps its part up to date
   * @param run undefined: the best weights are known, and not kept
   */
  constructor(
    choosing: Choosing,
    state: ChoiceState & { global_step: number },
    run: RunFolder | undefined,
    model: Pick<TrainableModel, 'save'>,
  ) {
    this.#choosing = choosing;
    this.#state = state;
    this.#run = run;
    this.#model = model;
  }

  /** `best/` as the checkpoint knows it that the run goes on from. */
  async restore(onNotice: ((text: string) => void) | undefined): Promise<void> {
    const step = this.#state.best_global_step;
    if (!this.#run || (await restoreBest(this.#run, step))) return;
    onNotice?.(
      `the run's best weights, those of step ${step}, are gone: the best are chosen from the next evaluation on`,
    );
    Object.assign(this.#state, NONE);
  }

  /**
   * Takes up a step's evaluations, and keeps its weights where they are the best so far.
   * @param savedStep step of the newest checkpoint, which may still be being written; 0: there is none
   * @returns seconds that saving took
   */
  async add({ heldOut, validation }: Evaluated, savedStep: number): Promise<number> {
    if (!validation) return 0;
    const start = performance.now();
    const state = this.#state;
    const { metric } = this.#choosing;
    const counter = evaluationsWithout(this.#choosing, state, validation);
    if (isBest(this.#choosing, state, validation)) {
      const best = { best_metric: validation[metric], best_global_step: state.global_step };
      const about = { global_step: state.global_step, metric_for_best_model: metric, ...best };
      if (this.#run) await saveBest(this.#run, this.#model, about, savedStep);
      Object.assign(state, {
        ...best,
        ...(this.#run && { best_model_checkpoint: BEST }),
        best_validation: validation,
        best_held_out: heldOut,
      });
    }
    state.early_stopping_patience_counter = counter;
    state.eval_validation = validation;
    return (performance.now() - start) / 1000;
  }

  /** After the last checkpoint: removes what none goes back to any more. */
  async tidy(): Promise<void> {
    if (this.#run) await removeFormer(this.#run);
  }

  best(): Best | undefined {
    const { best_global_step: step, best_validation: validation, best_held_out: heldOut } = this.#state;
    if (step === undefined || !validation) return undefined;
    const { metric, loadBest: loaded } = this.#choosing;
    return { step, metric, validation, heldOut, model: this.#run?.file(BEST), loaded };
  }

  /** Why the run is to end with its last evaluation; undefined where it goes on. */
  earlyEnd(): EarlyEnd | undefined {
    return earlyEnd(this.#choosing, this.#state);
  }
}
