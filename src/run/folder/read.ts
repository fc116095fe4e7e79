/** Reads run folders, for comparisons, reports and pages. Nothing here writes. */
import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseJson } from '../../common/json.js';
import { parseYaml } from '../../config/load.js';
import { GrpoError } from '../../common/errors.js';
import type { DiagnosisEvent } from '../diagnosis/events.js';
import type { ForkedFrom } from './changes.js';
import type { Metrics } from '../../grpo/metrics.js';

/** What a run folder contains. */
export interface RunRecord {
  path: string;
  /** The folder's name. */
  name: string;
  config: Record<string, unknown>;
  env: Record<string, unknown> | undefined;
  /** Where the run was forked, if it was: metrics up to that step are those of the run that it left. */
  forkedFrom: ForkedFrom | undefined;
  /** The metrics of each step, in order. */
  steps: Metrics[];
  /** The evaluations on held-out problems; the one with `step` 0 is from before training. */
  evaluations: Metrics[];
  /** The events of the diagnosis. */
  diagnoses: DiagnosisEvent[];
  /** Content of `summary.json`; undefined while the run goes on, or where it was killed. */
  summary: Record<string, unknown> | undefined;
}

const FIX = 'give the folder of a run, such as runs/NAME: it holds config.yaml and metrics.jsonl';

/** @throws {GrpoError} RUN_NOT_FOUND */
export async function readRun(folder: string): Promise<RunRecord> {
  const path = resolve(folder);
  const text = (name: string) => readFile(join(path, name), 'utf8').catch(() => undefined);
  const [config, lines] = await Promise.all([text('config.yaml'), text('metrics.jsonl')]);
  if (config === undefined || lines === undefined) {
    const there = await stat(path).catch(() => undefined);
    throw new GrpoError('RUN_NOT_FOUND', there ? `${folder} holds no run` : `there is no folder ${folder}`, {
      fix: FIX,
      value: folder,
    });
  }
  const rows = parseRows(lines);
  const env = parseJson((await text('env.json')) ?? '') as Record<string, unknown> | undefined;
  return {
    path,
    name: basename(path),
    config: parseYaml(config, join(path, 'config.yaml')).values,
    env,
    forkedFrom: forkOf(env),
    steps: rows.filter(({ step, learning_rate }) => step > 0 && learning_rate !== undefined),
    evaluations: rows.filter((row) => row['eval/accuracy'] !== undefined),
    diagnoses: rows.filter((row) => 'diagnosis' in row) as unknown as DiagnosisEvent[],
    summary: parseJson((await text('summary.json')) ?? '') as Record<string, unknown> | undefined,
  };
}

/** Where a run was forked, by its `env.json`. */
export const forkOf = (env: Record<string, unknown> | null | undefined): ForkedFrom | undefined =>
  env?.forked_from as ForkedFrom | undefined;

/**
 * Reads those of the folders that are runs: a pattern such as `runs/*` matches other things too.
 * @param onNotice called for each folder that is left out, with the reason
 * @throws {GrpoError} RUN_NOT_FOUND where none of the folders is a run
 */
export async function readRuns(
  folders: readonly string[],
  onNotice: (text: string) => void,
): Promise<{ folder: string; record: RunRecord }[]> {
  if (folders.length === 1) return [{ folder: folders[0]!, record: await readRun(folders[0]!) }];
  const read = await Promise.all(
    folders.map(async (folder) => {
      try {
        return { folder, record: await readRun(folder) };
      } catch (error) {
        if (!(error instanceof GrpoError)) throw error;
        return { fault: error.message };
      }
    }),
  );
  const runs = read.flatMap(({ folder, record }) => (record ? [{ folder, record }] : []));
  if (runs.length === 0)
    throw new GrpoError('RUN_NOT_FOUND', `none of these is a run: ${folders.join(', ')}`, {
      fix: FIX,
      value: folders,
    });
  for (const one of read) if ('fault' in one) onNotice(`left out: ${one.fault}`);
  return runs;
}

/** The lines of `metrics.jsonl` that are steps or evaluations, in order. */
export async function readRows(folder: string): Promise<Metrics[]> {
  const rows = parseRows(await readFile(join(folder, 'metrics.jsonl'), 'utf8').catch(() => ''));
  return rows.filter((row) => !('diagnosis' in row || 'checkpoint' in row));
}

function parseRows(lines: string): Metrics[] {
  return lines.split('\n').flatMap((line) => {
    const row = parseJson(line) as Metrics | undefined;
    return typeof row?.step === 'number' ? [row] : [];
  });
}
