/** Writes checkpoints while the run goes on, where there is memory for a copy of what is written. */
import { memory } from '../../machine/memory.js';
import { checkpointPath, saveCheckpoint, type SaveOptions, type TrainerState } from './checkpoints.js';
import type { Saveable, Snapshotable } from '../../model/trainable.js';
import type { RunFolder } from './folder.js';

export interface Whole {
  step: number;
  /** That it will have. */
  path: string;
  /** Seconds that the run waited, and that the disk took in all. */
  waited: number;
  seconds: number;
}

export interface Listeners {
  /** All of it is written. What is noted now is on the disk before the checkpoint has its name: the two come together. */
  whole: (checkpoint: Whole) => Promise<void>;
  /** It can be resumed from. */
  written: (step: number, path: string) => Promise<void>;
}

/** What must stay free beside a copy. */
export const MARGIN = 1 << 30;

export class CheckpointWriter {
  readonly #run: RunFolder;
  readonly #model: Snapshotable;
  readonly #options: SaveOptions;
  readonly #on: Listeners;
  #underWay: Promise<void> = Promise.resolve();

  /** @param on what they throw counts as a failed write */
  constructor(run: RunFolder, model: Snapshotable, options: SaveOptions, on: Listeners) {
    this.#run = run;
    this.#model = model;
    this.#options = options;
    this.#on = on;
  }

  /**
   * Takes the model as it is now. Throws what went wrong with this checkpoint or the one before.
   * @param goesOn whether the run has something to do meanwhile; if not, no copy is made
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
    // Whoever waits for it hears of a failure; until then nobody need.
    this.#underWay.catch(() => undefined);
    return waited;
  }

  /** Waits for what is being written. */
  async settle(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = Promise.resolve();
    await underWay;
  }
}
