/** Runs that go on from a checkpoint of another run, with other options (`fork_from`). */
import { copyFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { asDiskError } from '../../machine/disk.js';
import { exists } from '../../machine/files.js';
import { CHECKPOINTS, isRun, stepsIn } from '../../model/run-weights.js';
import { findCheckpoint, type Checkpoint } from './checkpoints.js';
import { RunFolder } from './folder.js';

/** The log-probs of the reference model that a run has computed. */
export const REFERENCE_CACHE = 'reference.jsonl';

/** Where a fork begins. */
export interface Fork {
  /** The run that it leaves. */
  run: RunFolder;
  checkpoint: Checkpoint;
}

/** `RUN/checkpoint-N`, or the folder that it stands for. */
const FORM = /^(.*?)(?:[\\/]checkpoints)?[\\/](checkpoint-\d+)[\\/]*$/;

/**
 * The run and the name of the checkpoint in the option `fork_from`.
 * @throws {GrpoError} FORK_FROM
 */
export function parseForkFrom(forkFrom: string): { run: string; name: string } {
  const [, run, name] = FORM.exec(forkFrom) ?? [];
  if (run !== undefined && name !== undefined) return { run: resolve(run), name };
  throw new GrpoError('FORK_FROM', `${forkFrom} names no checkpoint of a run`, {
    fix: 'give it as runs/NAME/checkpoint-N',
    value: forkFrom,
  });
}

/**
 * The checkpoint that a run is forked at, by its name, or the newest whole one.
 * @param run folder of the run
 * @throws {GrpoError} RUN_NOT_FOUND, FORK_FROM where it holds no whole checkpoint, RESUME_CHECKPOINT
 */
export async function findFork(run: string, name?: string, onNotice?: (text: string) => void): Promise<Fork> {
  const folder = await existingRun(run);
  const checkpoint = await findCheckpoint(folder, name, onNotice);
  if (checkpoint) return { run: folder, checkpoint };
  throw new GrpoError('FORK_FROM', `${run} holds no whole checkpoint to go on from`, {
    fix: 'take a run that has ended or saved one (save_steps)',
    value: run,
  });
}

/**
 * A run with checkpoints, to be read.
 * @throws {GrpoError} RUN_NOT_FOUND, and FORK_FROM where it has no checkpoint at all
 */
export async function existingRun(run: string): Promise<RunFolder> {
  if (!(await isRun(run)))
    throw new GrpoError('RUN_NOT_FOUND', `${run} holds no run`, {
      fix: 'give the folder of a run, such as runs/NAME, and the checkpoint by --at checkpoint-N',
      value: run,
    });
  if ((await stepsIn(join(run, CHECKPOINTS))).length === 0)
    throw new GrpoError('FORK_FROM', `${run} holds no checkpoint`, {
      fix: 'take a run that has ended or saved one (save_steps)',
      value: run,
    });
  return RunFolder.open(run, { resume: true });
}

/**
 * The rows of the run that is left, which are cut to the checkpoint when the log is opened. A copy, since that
 * run may go on from an earlier checkpoint, or be removed.
 */
export async function copyMetrics(from: RunFolder, to: RunFolder): Promise<void> {
  await to.removeFile('metrics.csv');
  await copy(from.file('metrics.jsonl'), to.file('metrics.jsonl'));
}

/** The reference model's log-probs that were computed before the checkpoint, of a reference that stays the same. */
export const copyReferenceCache = (from: RunFolder, to: RunFolder): Promise<void> =>
  copy(from.file(REFERENCE_CACHE), to.file(REFERENCE_CACHE));

/** Copies a file; where there is none, there is none after it. */
async function copy(from: string, to: string): Promise<void> {
  try {
    await rm(to, { force: true });
    if (await exists(from)) await copyFile(from, to);
  } catch (error) {
    throw asDiskError(error, to);
  }
}
