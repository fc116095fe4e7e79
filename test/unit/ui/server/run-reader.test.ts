import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { RunReader } from '../../../../src/ui/server/run-reader.js';
import { VISIT, type Update } from '../../../../src/ui/server/types.js';
import { temporaryFolder } from '../../../support/fixtures.js';
import {
  appendDiagnosis,
  appendSteps,
  writeRun,
  writeSummary,
  type MadeRun,
} from '../../../support/run-folder.js';

const RUN: MadeRun = { steps: 20, ended: false };

let folder: string;
beforeEach(() => {
  folder = join(temporaryFolder(), 'run');
});

/** A run at step 10 of 20. */
async function halfway(): Promise<RunReader> {
  writeRun(folder, { ...RUN, steps: 20 });
  for (const name of ['metrics.jsonl', 'completions.jsonl']) keepUntil(name, 10);
  return RunReader.open(folder);
}

function keepUntil(name: string, last: number): void {
  const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
  const kept = lines.filter((line) => (JSON.parse(line) as { step: number }).step <= last);
  // As a resumed run does it: another file in its place.
  rmSync(join(folder, name));
  writeFileSync(join(folder, name), kept.map((line) => `${line}\n`).join(''));
}

describe('a run folder that is read', () => {
  it('tells steps, evaluations, outcomes and completions', async () => {
    const reader = await RunReader.open(writeRun(folder, { steps: 20 }));
    const run = reader.data();
    expect(run).toMatchObject({ name: 'run', steps: 20, plannedSteps: 20, summary: { steps: 20 } });
    expect(run.seconds).toBeCloseTo(2);
    expect(run.curves.steps).toHaveLength(20);
    expect(run.evaluations.map(({ step }) => step)).toEqual([0, 5, 10, 15, 20]);
    expect(run.completionSteps).toHaveLength(20);
    const { problems, visits } = reader.outcomes();
    expect(problems).toHaveLength(8);
    expect(visits).toHaveLength(VISIT * 40);
    // Of the policy exp(-0.8) was seen to be right, and exp(-3.8) wrong.
    expect(visits.slice(0, VISIT)).toEqual([1, 0, 4, 8, 0.449, 0.978]);
    const records = await reader.completions(20);
    expect(new Set(records.map(({ step }) => step))).toEqual(new Set([20]));
    expect(await reader.completions(21)).toEqual([]);
  });

  it('tells evaluations on validation problems apart, and those that come', async () => {
    const written = writeRun(folder, { steps: 5 });
    const reader = await RunReader.open(written);
    expect(reader.data().validations).toEqual([]);
    const row = { step: 6, 'eval/accuracy': 0.4, 'val/accuracy': 0.7, 'val/accuracy_low': 0.6 };
    appendFileSync(join(written, 'metrics.jsonl'), `${JSON.stringify(row)}\n`);
    const validation = { step: 6, accuracy: 0.7, low: 0.6, high: 0.7 };
    const news = await reader.follow();
    expect(news).toMatchObject({ evaluations: [{ step: 6, accuracy: 0.4 }], validations: [validation] });
    expect(await reader.follow()).toBeNull();
    expect((await RunReader.open(written)).data().validations).toMatchObject([validation]);
  });

  it('is followed: only what is new is told, and following ends where reading anew would', async () => {
    const reader = await halfway();
    const before = reader.data();
    expect(before).toMatchObject({ steps: 10, summary: null });
    expect(await reader.follow()).toBeNull();
    appendSteps(folder, RUN, 11, 12);
    appendDiagnosis(folder, 12);
    const update = (await reader.follow()) as Update;
    expect(update.version).toBe(before.version + 1);
    expect(update.rows.map(({ step }) => step)).toEqual([11, 12]);
    expect(update.completionSteps).toEqual([11, 12]);
    expect(update.diagnoses).toMatchObject([{ diagnosis: 'kl_runaway', began: 12 }]);
    appendSteps(folder, RUN, 13, 20);
    writeSummary(folder, 20);
    await reader.follow();
    const fresh = await RunReader.open(folder);
    expect({ ...reader.data(), version: 0 }).toEqual({ ...fresh.data(), version: 0 });
    expect({ ...reader.outcomes(), version: 0 }).toEqual({ ...fresh.outcomes(), version: 0 });
  });

  it('waits for the rest of a line', async () => {
    const reader = await halfway();
    appendFileSync(join(folder, 'metrics.jsonl'), '{"step": 11, "learning_rate": 0.1, "rew');
    expect(await reader.follow()).toBeNull();
    appendFileSync(join(folder, 'metrics.jsonl'), 'ard": 0.5}\n');
    expect(await reader.follow()).toMatchObject({ rows: [{ step: 11, reward: 0.5 }] });
  });

  it('is read anew when a resumed run has cut it', async () => {
    const reader = await halfway();
    const { version } = reader.data();
    keepUntil('metrics.jsonl', 4);
    keepUntil('completions.jsonl', 4);
    expect(await reader.follow()).toBe('reset');
    expect(reader.data()).toMatchObject({ steps: 4, version: version + 1 });
    expect(reader.data().completionSteps).toEqual([1, 2, 3, 4]);
  });

  it('goes by the summary of its last sitting only while no later step is there', async () => {
    const reader = await halfway();
    writeSummary(folder, 10);
    expect(await reader.follow()).toMatchObject({ summary: { steps: 10 } });
    appendSteps(folder, RUN, 11, 11);
    expect(await reader.follow()).toMatchObject({ summary: null, steps: 11 });
  });

  it('tells when what was noticed ended', async () => {
    const reader = await halfway();
    appendDiagnosis(folder, 3);
    appendDiagnosis(folder, 5, { event: 'worsens', level: 'bad' });
    appendDiagnosis(folder, 8, { event: 'ends', level: 'bad' });
    appendDiagnosis(folder, 9);
    await reader.follow();
    expect(reader.data().diagnoses).toMatchObject([
      { level: 'bad', began: 3, ended: 8 },
      { level: 'warning', began: 9 },
    ]);
  });

  it('must be a run', async () => {
    await expect(RunReader.open(temporaryFolder())).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });
});
