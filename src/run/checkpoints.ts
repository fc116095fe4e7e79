/**
 * `checkpoints/checkpoint-N/`: a model folder, the optimiser's moments and where the run was.
 * The draws of a run depend on its seed and the step alone, so the step is its random state.
 */
import { access, readFile, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { GrpoError } from '../errors.js';
import type { Lineage } from './environment.js';
import type { Evaluation } from '../grpo/evaluate.js';
import { writeAtomic } from '../disk.js';
import type { RunFolder } from './folder.js';
import type { Metrics } from './metrics.js';

const FOLDER = 'checkpoints';
const STATE = 'trainer_state.json';
export const OPTIMIZER_FILE = 'optimizer.safetensors';
/** Of runs whose reference follows the policy. */
export const REFERENCE_FILE = 'reference.safetensors';

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
  saveExtra?: (folder: string) => Promise<void>,
): Promise<string> {
  const path = await run.writeFolder(join(FOLDER, `checkpoint-${state.global_step}`), async (temporary) => {
    await model.save(temporary);
    await model.saveOptimizer(join(temporary, OPTIMIZER_FILE));
    await saveExtra?.(temporary);
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

const checkpointSteps = (run: RunFolder): Promise<number[]> => steps(run.file(FOLDER));

/** Of the checkpoints in a folder, ascending. */
async function steps(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .map((name) => /^checkpoint-(\d+)$/.exec(name)?.[1])
    .filter((step) => step !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * The model folder that a run left: `RUN` its final one, else its last checkpoint; `RUN/checkpoint-N` that one.
 * @throws {GrpoError} INIT_FROM
 */
export async function findWeights(from: string): Promise<string> {
  const folder = resolve(from);
  const candidates = [
    folder,
    join(folder, 'final'),
    join(dirname(folder), FOLDER, basename(folder)),
    ...(await steps(join(folder, FOLDER)))
      .reverse()
      .map((step) => join(folder, FOLDER, `checkpoint-${step}`)),
  ];
  for (const candidate of candidates)
    if (
      await access(join(candidate, 'config.json')).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  throw new GrpoError('INIT_FROM', `${from} holds no weights of a run`, {
    fix: 'give the folder of a run that has ended or saved a checkpoint, such as runs/NAME or runs/NAME/checkpoint-100',
    value: from,
  });
}

/** Where the weights of a folder that `findWeights` gave come from, as far as it is written down. */
export async function lineageOf(path: string): Promise<Lineage> {
  const json = async (file: string) =>
    readFile(file, 'utf8').then(
      (text) => JSON.parse(text) as Record<string, unknown>,
      () => undefined,
    );
  const run = basename(path) === 'final' ? dirname(path) : dirname(dirname(path));
  const state = await json(join(path, STATE));
  const summary = basename(path) === 'final' ? await json(join(run, 'summary.json')) : undefined;
  const config = await readFile(join(run, 'config.yaml'), 'utf8').catch(() => undefined);
  const step = state?.global_step ?? summary?.steps;
  const model = config === undefined ? undefined : (parse(config) as { model?: unknown }).model;
  return {
    path,
    ...(typeof step === 'number' && { step }),
    ...(typeof model === 'string' && { model }),
  };
}
