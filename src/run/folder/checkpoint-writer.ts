/** Writes checkpoints in the background, from a copy of the weights where there is memory for one. */
import { memory } from '../../machine/memory.js';
import { checkpointPath, saveCheckpoint, type SaveOptions, type TrainerState } from './checkpoints.js';
import type { Saveable, Snapshotable } from '../../model/trainable.js';
import type { RunFolder } from './folder.js';

/** A checkpoint of which everything is written, but which does not have its name yet. */
export interface Whole {
  step: number;
  /** The path that it will have. */
  path: string;
  /** Seconds that the run waited for it. */
  waited: number;
  /** Seconds that writing took in all. */
  seconds: number;
}

export interface Listeners {
  /**
   * Called when all of it is written. What the listener logs is on the disk before the checkpoint has its
   * name.
   */
  whole: (checkpoint: Whole) => Promise<void>;
  /** Called when the run can be resumed from it. */
  written: (step: number, path: string) => Promise<void>;
}

/** Bytes of memory that must stay free beside a copy of the weights. */
export const MARGIN = 1 << 30;

export class CheckpointWriter {
  readonly #run: RunFolder;
  readonly #model: Snapshotable;
  readonly #options: SaveOptions;
  readonly #on: Listeners;
  #underWay: Promise<void> = Promise.resolve();

  /** @param on listeners; an error that one throws counts as a failed write */
  constructor(run: RunFolder, model: Snapshotable, options: SaveOptions, on: Listeners) {
    this.#run = run;
    this.#model = model;
    this.#options = options;
    this.#on = on;
  }

  /**
   * Saves the model as it is now. Throws the error of this checkpoint, or of the one before it.
   * @param goesOn whether the run has more steps to take meanwhile; if not, no copy is made
   * @returns seconds that the run waited
   */
  async save(state: TrainerState, goesOn = true): Promise<number> {
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    await this.settle();
    const step = state.global_step;
    const entry = { step, state: `${JSON.stringify(state, null, 2)}\n` };
    const write = async (model: Saveable, waited: () => number) => {
      const sync = async () => {
        await this.#on.whole({
          step,
          path: checkpointPath(this.#run, step),
          waited: waited(),
          seconds: seconds(),
        });
        await this.#options.sync?.();
      };
      const path = await saveCheckpoint(this.#run, model, entry, { ...this.#options, sync });
      await this.#on.written(step, path);
    };
    const { reference } = this.#options;
    if (!goesOn || this.#model.snapshotBytes({ reference }) + MARGIN > memory().free) {
      await write(this.#model, seconds);
      return seconds();
    }
    const snapshot = await this.#model.snapshot({ reference });
    const waited = seconds();
    this.#underWay = write(snapshot, () => waited).finally(() => snapshot.release());
    // `settle` throws the error; until then it must not count as an unhandled rejection.
    this.#underWay.catch(() => undefined);
    return waited;
  }

  /** Waits until the checkpoint in the background is written; throws its error. */
  async settle(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = Promise.resolve();
    await underWay;
  }
}
