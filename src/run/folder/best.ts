/**
 * `best/`: a run's weights as they were at its best evaluation. A checkpoint may be older than these: then the best
 * weights that it knows of are in `checkpoints/best-N/`, until no checkpoint that is kept goes back to them.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseJson } from '../../common/json.js';
import { asDiskError, syncFolder, writeSynced } from '../../machine/disk.js';
import { exists } from '../../machine/files.js';
import { BEST, CHECKPOINTS, numbered, stepsIn } from '../../model/run-weights.js';
import type { Saveable } from '../../model/trainable.js';
import { STATE } from './checkpoints.js';
import type { RunFolder } from './folder.js';

const former = (step: number) => join(CHECKPOINTS, `best-${step}`);
const formerSteps = (run: RunFolder) => numbered(run.file(CHECKPOINTS), 'best');

/**
 * Writes `best/`, complete or not at all; what it was before is kept for the checkpoints that go back to it.
 * @param state what `trainer_state.json` says of these weights
 * @param savedStep step of the checkpoint that may still be being written; 0: none
 */
export async function saveBest(
  run: RunFolder,
  model: Pick<Saveable, 'save'>,
  state: { global_step: number } & Record<string, unknown>,
  savedStep: number,
): Promise<string> {
  const name = former(state.global_step);
  await run.writeFolder(name, async (temporary) => {
    await model.save(temporary);
    await writeSynced(join(temporary, STATE), `${JSON.stringify(state, null, 2)}\n`);
  });
  // Whatever a kill leaves from here on, the weights of each step are whole in one of the two places.
  const before = await bestStep(run);
  if (before !== undefined) await move(run, BEST, former(before));
  await move(run, name, BEST);
  await removeFormer(run, savedStep);
  return run.file(BEST);
}

/** Removes former best weights that no checkpoint goes back to: it was saved before better ones were found. */
export async function removeFormer(run: RunFolder, savedStep = 0): Promise<void> {
  const checkpoints = [...(await stepsIn(run.file(CHECKPOINTS))), savedStep];
  const steps = await formerSteps(run);
  const followedBy = [...steps.slice(1), (await bestStep(run)) ?? Infinity];
  for (const [i, step] of steps.entries())
    // A checkpoint of the very step may have been saved before the step's evaluation.
    if (!checkpoints.some((saved) => saved >= step && saved <= followedBy[i]!))
      await run.removeFolder(former(step));
}

/**
 * Makes `best/` that of a checkpoint, or removes it: what was found later is to be found again.
 * @param step of the best weights that the checkpoint knows of; undefined: of none
 * @returns whether they are there
 */
export async function restoreBest(run: RunFolder, step: number | undefined): Promise<boolean> {
  if ((await exists(run.file(BEST))) && (await bestStep(run)) !== step) await run.removeFolder(BEST);
  for (const other of await formerSteps(run))
    if (step === undefined || other > step) await run.removeFolder(former(other));
  if (step === undefined || (await exists(run.file(BEST)))) return true;
  if (!(await exists(run.file(former(step))))) return false;
  await move(run, former(step), BEST);
  return true;
}

/** Step of the weights in `best/`; undefined where there are none. */
async function bestStep(run: RunFolder): Promise<number | undefined> {
  const text = await readFile(run.file(BEST, STATE), 'utf8').catch(() => '');
  return (parseJson(text) as { global_step?: number } | undefined)?.global_step;
}

async function move(run: RunFolder, from: string, to: string): Promise<void> {
  const target = run.file(to);
  try {
    await rm(target, { recursive: true, force: true });
    await rename(run.file(from), target);
    await syncFolder(dirname(target));
    await syncFolder(dirname(run.file(from)));
  } catch (error) {
    throw asDiskError(error, target);
  }
}
