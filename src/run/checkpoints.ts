/**
 * `checkpoints/checkpoint-N/`: a model folder, the optimiser's moments and where the run was.
 * The draws of a run depend on its seed and the step alone, so the step is its random state.
 */
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Evaluation } from '../grpo/evaluate.js';
import { writeAtomic } from '../disk.js';
import type { RunFolder } from './folder.js';
import type { Metrics } from './metrics.js';

const FOLDER = 'checkpoints';
const STATE = 'trainer_state.json';
export const OPTIMIZER_FILE = 'optimizer.safetensors';

/** Written last: a folder without it is not a checkpoint. */
export interface TrainerState {
  global_step: number;
  epoch: number;
  max_steps: number;
  seed: number;
  /** Prompt and completion tokens since the start. */
  num_tokens: number;
  /** Seconds of training, over all sittings. */
  elapsed: number;
  /** Evaluation before the first step, where there was one. */
  eval_before?: Evaluation | undefined;
  best?: { step: number; accuracy: number } | undefined;
  /** The step's metrics, when the run was interrupted before its evaluation. */
  pending?: Metrics | undefined;
  /** What the method itself must remember, such as completions that further iterations learn from. */
  memory?: unknown;
}

export interface Checkpoint {
  path: string;
  state: TrainerState;
}

export interface Saveable {
  save(folder: string): Promise<void>;
  saveOptimizer(file: string): Promise<void>;
}

/** Saves under a temporary name first, then removes the oldest ones beyond `limit` (0: keeps all). */
export async function saveCheckpoint(
  run: RunFolder,
  model: Saveable,
  state: TrainerState,
  limit: number,
): Promise<string> {
  const path = await run.writeFolder(join(FOLDER, `checkpoint-${state.global_step}`), async (temporary) => {
    await model.save(temporary);
    await model.saveOptimizer(join(temporary, OPTIMIZER_FILE));
    await writeAtomic(join(temporary, STATE), `${JSON.stringify(state, null, 2)}\n`);
  });
  if (limit > 0) {
    const steps = await checkpointSteps(run);
    for (const step of steps.slice(0, Math.max(0, steps.length - limit)))
      await rm(run.file(FOLDER, `checkpoint-${step}`), { recursive: true, force: true });
  }
  return path;
}

/** The last complete checkpoint. */
export async function lastCheckpoint(run: RunFolder): Promise<Checkpoint | undefined> {
  for (const step of (await checkpointSteps(run)).reverse()) {
    const path = run.file(FOLDER, `checkpoint-${step}`);
    const text = await readFile(join(path, STATE), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    try {
      const state = JSON.parse(text) as TrainerState;
      if (state.global_step === step) return { path, state };
    } catch {
      // Damaged: an older one will do.
    }
  }
  return undefined;
}

async function checkpointSteps(run: RunFolder): Promise<number[]> {
  const names = await readdir(run.file(FOLDER)).catch(() => []);
  return names
    .map((name) => /^checkpoint-(\d+)$/.exec(name)?.[1])
    .filter((step) => step !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}
