/**
 * Steps whose loss or gradient norm is NaN or infinite: they are not applied, and their batch is saved for
 * study.
 */
import { GrpoError } from '../common/errors.js';
import type { NonFinite } from '../grpo/learn.js';
import type { RunFolder } from './folder/folder.js';

/**
 * Such steps in a row after which a run ends even with `on_nonfinite: skip`: the weights themselves are
 * broken.
 */
const MOST_IN_A_ROW = 10;

export class NonFiniteSteps {
  readonly #run: RunFolder | undefined;
  readonly #mode: 'skip' | 'stop';
  readonly #onNotice: ((text: string) => void) | undefined;
  #inARow = 0;

  constructor(
    run: RunFolder | undefined,
    mode: 'skip' | 'stop',
    onNotice: ((text: string) => void) | undefined,
  ) {
    this.#run = run;
    this.#mode = mode;
    this.#onNotice = onNotice;
  }

  /**
   * Called after every step; writes `nonfinite-step-N.json` where the step was not applied.
   * @throws {GrpoError} DIVERGED where the run can't go on, or is not to go on (`on_nonfinite: stop`)
   */
  async after(step: number, nonfinite: NonFinite | undefined): Promise<void> {
    if (!nonfinite) {
      this.#inARow = 0;
      return;
    }
    const { what, value, batch } = nonfinite;
    const name = `nonfinite-step-${step}.json`;
    // The value is written as a string: JSON has neither NaN nor Infinity.
    await this.#run?.writeJson(name, { step, what, value: String(value), batch });
    const where = this.#run ? `; the batch of that step is in ${this.#run.file(name)}` : '';
    const happened = `the ${what} of step ${step} is ${value}, and the step was not applied${where}`;
    if (this.#mode === 'skip' && ++this.#inARow < MOST_IN_A_ROW) {
      this.#onNotice?.(happened);
      return;
    }
    const often = this.#mode === 'skip' ? ` (the ${MOST_IN_A_ROW}th in a row)` : '';
    throw new GrpoError('DIVERGED', `${happened}${often}`, {
      fix: 'lower --learning-rate or raise --beta, and start anew or resume from a checkpoint; --on-nonfinite skip leaves out single steps',
      value,
      exitCode: 1,
    });
  }
}
