/** What changed where a run goes on from a checkpoint, of itself or of another run. */

/** An option with another value than before. */
export interface Change {
  option: string;
  before: unknown;
  now: unknown;
}

/** Where a fork began (`fork_from`), as its `env.json` has it (`forked_from`). */
export interface ForkedFrom {
  /** Folder of the run that it left. */
  run: string;
  /** Name of the checkpoint. */
  checkpoint: string;
  /** Step of the checkpoint: later steps are the fork's own. */
  step: number;
  /** Options that differ from that run's. */
  changed: Change[];
}
