/**
 * Checkpoints, `checkpoints/checkpoint-N/`: a model folder, the optimiser's moments and the state of the run. A
 * checkpoint is written under another name, synced, and given its own name when it is complete.
 * Random draws depend only on the seed and the step, so no state of a random number generator is saved.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseYaml } from '../../config/load.js';
import { GrpoError } from '../../common/errors.js';
import { syncFolder, writeSynced } from '../../machine/disk.js';
import { exists } from '../../machine/files.js';
import type { Saveable } from '../../model/trainable.js';
import type { ChoiceState } from '../choosing.js';
import type { Evaluation } from '../evaluate.js';
import type { Lineage } from './environment.js';
import type { RunFolder } from './folder.js';
import { faultOf, writeManifest } from './manifest.js';
import type { Metrics } from '../../grpo/metrics.js';
import { BEST, CHECKPOINTS, stepsIn } from '../../model/run-weights.js';

/** A checkpoint's state of the run, `TrainerState`. */
export const STATE = 'trainer_state.json';
export const OPTIMIZER_FILE = 'optimizer.safetensors';
/** The weights of the reference model, in runs where it follows the policy (`sync_ref_model`). */
const REFERENCE_FILE = 'reference.safetensors';

/** `trainer_state.json`: the state of a run at a checkpoint. */
export interface TrainerState extends ChoiceState {
  global_step: number;
  epoch: number;
  max_steps: number;
  seed: number;
  /** Prompt and completion tokens since the start. */
  num_tokens: number;
  /** Seconds of training since the start, over all times that the run was resumed. */
  elapsed: number;
  /** Largest memory of the process, bytes, over all times that the run was resumed. */
  peak_memory?: number | undefined;
  /** Evaluation before the first step, where there was one. */
  eval_before?: Evaluation | undefined;
  /** The last evaluation since. */
  eval_after?: Evaluation | undefined;
  /** The best evaluation on held-out problems, which nothing is chosen by. */
  best?: { step: number; accuracy: number } | undefined;
  /** Metrics of the step, where the run was interrupted before the step's evaluation. */
  pending?: Metrics | undefined;
  /** State of the training method, such as a rollout that further steps learn from. */
  memory?: unknown;
}

export interface Checkpoint {
  path: string;
  state: TrainerState;
  /** File with the reference model's weights; undefined: they are those that the run started from. */
  reference?: string;
}

export interface SaveOptions {
  /** Number of checkpoints to keep; 0: all. */
  limit: number;
  /** Whether the weights of the reference model are saved too. */
  reference: boolean;
  /** Called before the checkpoint gets its name: syncs the other files that belong to it. */
  sync?: () => Promise<void>;
}

const nameOf = (step: number) => join(CHECKPOINTS, `checkpoint-${step}`);
export const checkpointPath = (run: RunFolder, step: number): string => run.file(nameOf(step));

/**
 * Writes a checkpoint, and removes old ones.
 * @param state as JSON text, since the run may change it meanwhile
 */
export async function saveCheckpoint(
  run: RunFolder,
  model: Saveable,
  { step, state }: { step: number; state: string },
  options: SaveOptions,
): Promise<string> {
  const path = await run.writeFolder(nameOf(step), async (temporary) => {
    await model.save(temporary);
    await model.saveOptimizer(join(temporary, OPTIMIZER_FILE));
    if (options.reference) await model.saveReference(join(temporary, REFERENCE_FILE));
    await writeSynced(join(temporary, STATE), state);
    await writeManifest(temporary);
    await options.sync?.();
  });
  await removeOld(run, options.limit);
  return path;
}

/** Removes all checkpoints but the newest `limit`; 0 keeps all. */
export async function removeOld(run: RunFolder, limit: number): Promise<void> {
  if (limit === 0) return;
  for (const step of (await checkpointSteps(run)).slice(0, -limit)) await run.removeFolder(nameOf(step));
}

/**
 * Finds the newest complete checkpoint, or the one that `name` names.
 * @param onNotice called for each checkpoint that is skipped, with what is wrong with it
 * @throws {GrpoError} RESUME_CHECKPOINT where the named checkpoint is missing or incomplete
 */
export async function findCheckpoint(
  run: RunFolder,
  name?: string,
  onNotice?: (text: string) => void,
): Promise<Checkpoint | undefined> {
  const all = await checkpointSteps(run);
  const wanted = name === undefined ? undefined : Number(name.replace('checkpoint-', ''));
  if (wanted !== undefined && !all.includes(wanted))
    throw new GrpoError('RESUME_CHECKPOINT', `${run.path} holds no ${name}`, {
      fix:
        all.length > 0
          ? `name one of ${all.map((step) => `checkpoint-${step}`).join(', ')}`
          : 'leave the name out: the run starts from the beginning',
      value: name,
    });
  for (const step of wanted === undefined ? all.reverse() : [wanted]) {
    const path = checkpointPath(run, step);
    const fault = await faultOf(path, { hashes: true });
    if (fault === undefined) return readCheckpoint(path);
    if (wanted !== undefined)
      throw new GrpoError('RESUME_CHECKPOINT', `${path} is not whole: ${fault}`, {
        fix: 'name another one, or none: then the newest whole checkpoint is taken',
        value: name,
      });
    onNotice?.(`${path} is not whole and is passed over: ${fault}`);
  }
  return undefined;
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  const state = JSON.parse(await readFile(join(path, STATE), 'utf8')) as TrainerState;
  const reference = join(path, REFERENCE_FILE);
  return { path, state, ...((await exists(reference)) && { reference }) };
}

/**
 * Renames the checkpoints after step `after`, which a run that is resumed from there will write again.
 * @returns their new paths
 */
export async function setAside(run: RunFolder, after: number): Promise<string[]> {
  const names: string[] = [];
  for (const step of await checkpointSteps(run)) {
    if (step <= after) continue;
    const target = run.file(CHECKPOINTS, `replaced-checkpoint-${step}`);
    await rm(target, { recursive: true, force: true });
    await rename(checkpointPath(run, step), target);
    names.push(target);
  }
  if (names.length > 0) await syncFolder(run.file(CHECKPOINTS));
  return names;
}

const checkpointSteps = (run: RunFolder): Promise<number[]> => stepsIn(run.file(CHECKPOINTS));

/**
 * The run and step that weights come from, as far as files say; `path` is a folder that `findWeights` found.
 */
export async function lineageOf(path: string): Promise<Lineage> {
  const json = async (file: string) =>
    readFile(file, 'utf8').then(
      (text) => JSON.parse(text) as Record<string, unknown>,
      () => undefined,
    );
  const run = ['final', BEST].includes(basename(path)) ? dirname(path) : dirname(dirname(path));
  const state = await json(join(path, STATE));
  const summary = basename(path) === 'final' ? await json(join(run, 'summary.json')) : undefined;
  const config = await readFile(join(run, 'config.yaml'), 'utf8').catch(() => undefined);
  const step = state?.global_step ?? summary?.steps;
  const model = config === undefined ? undefined : parseYaml(config, join(run, 'config.yaml')).values.model;
  return {
    path,
    ...(typeof step === 'number' && { step }),
    ...(typeof model === 'string' && { model }),
  };
}
