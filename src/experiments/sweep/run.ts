/**
 * Runs a sweep's runs one after another, each in a process of its own, so that neither memory nor a crash of
 * one affects the next. A sweep that was interrupted continues where it stopped.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toYaml } from '../../config/load.js';
import { writeAtomic } from '../../machine/disk.js';
import { readJson } from '../../machine/paths.js';
import { CONFIGS, type PlannedRun } from './plan.js';

/** Exit status of a run that was interrupted and saved a checkpoint. */
const INTERRUPTED = 130;

export type RunState = 'new' | 'begun' | 'done';

export interface SweepEvents {
  onStart: (run: PlannedRun, index: number, total: number, state: RunState) => void;
  onEnd: (run: PlannedRun, status: number | string) => void;
}

/** Whether a run is new, was begun or is done, by what its folder holds. */
export function stateOf(folder: string): RunState {
  const summary = readJson<{ interrupted?: boolean }>(join(folder, 'summary.json'));
  if (summary && summary.interrupted === false && existsSync(join(folder, 'final'))) return 'done';
  return existsSync(join(folder, 'config.yaml')) ? 'begun' : 'new';
}

/** @returns names of the runs that failed; runs that were interrupted or not started don't count */
export async function runSweep(
  runs: PlannedRun[],
  outputDir: string,
  events: SweepEvents,
  signal: AbortSignal,
  takeOver = false,
): Promise<string[]> {
  const failed: string[] = [];
  await mkdir(join(outputDir, CONFIGS), { recursive: true });
  for (const [i, run] of runs.entries()) {
    if (signal.aborted) break;
    const folder = join(outputDir, run.name);
    const state = stateOf(folder);
    events.onStart(run, i, runs.length, state);
    if (state === 'done') continue;
    const config = join(outputDir, CONFIGS, `${run.name}.yaml`);
    if (state === 'new') await writeAtomic(config, toYaml(run.options));
    const args = [state === 'new' ? config : '--resume', ...(takeOver ? ['--take-over'] : [])];
    const status = await train(args, folder);
    events.onEnd(run, status);
    if (status !== 0 && status !== INTERRUPTED) failed.push(run.name);
  }
  return failed;
}

/** Starts `train` in a child process. Ctrl-C reaches the child by itself, as part of the terminal's process group. */
function train(args: string[], folder: string): Promise<number | string> {
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1]!, 'train', ...args, '--output-dir', folder],
    { stdio: 'inherit' },
  );
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => done(code ?? signal ?? 'nothing'));
  });
}
