/** Steps whose loss or gradient is no number any more: they are not applied, and kept for study. */
import { GrpoError } from '../common/errors.js';
import type { NonFinite } from '../grpo/learn.js';
import type { RunFolder } from './folder/folder.js';

/** So many one after another: the weights themselves have left the range of numbers. */
const IN_A_ROW = 10;

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
   * To be told of every step. Writes `nonfinite-step-N.json`.
   * @throws {GrpoError} DIVERGED where the run can't, or shall not, go on
   */
  async after(step: number, nonfinite: NonFinite | undefined): Promise<void> {
    if (!nonfinite) {
      this.#inARow = 0;
      return;
    }
    const { what, value, batch } = nonfinite;
    const name = `nonfinite-step-${step}.json`;
    // JSON has neither NaN nor Infinity: as a text it can be told which it was.
    await this.#run?.writeJson(name, { step, what, value: String(value), batch });
    const where = this.#run ? `; what it was learning from is in ${this.#run.file(name)}` : '';
    const happened = `the ${what} of step ${step} is ${value}, and the step was not applied${where}`;
    if (this.#mode === 'skip' && ++this.#inARow < IN_A_ROW) {
      this.#onNotice?.(happened);
      return;
    }
    const often = this.#mode === 'skip' ? ` (the ${IN_A_ROW}th one after another)` : '';
    throw new GrpoError('DIVERGED', `${happened}${often}`, {
      fix: 'lower --learning-rate or raise --beta, and start anew or resume from a checkpoint; --on-nonfinite skip leaves out a step that is the only one',
      value,
      exitCode: 1,
    });
  }
}
