import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastCheckpoint, saveCheckpoint, type TrainerState } from '../../../src/run/checkpoints.js';
import { asDiskError, writeAtomic } from '../../../src/disk.js';
import { RunFolder, freeRunName } from '../../../src/run/folder.js';
import { METRIC_COLUMNS, MetricsLog } from '../../../src/run/metrics.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';

const open = async (path: string, resume = false) => {
  const run = await RunFolder.open(path, { resume });
  await run.create();
  return run;
};

describe('a run folder', () => {
  it('is not given to a second run', async () => {
    const path = join(temporaryFolder(), 'run');
    const run = await open(path);
    await run.writeConfig({ batch_size: 64, stop: 'answer' });
    expect(await run.readConfig()).toEqual({ batch_size: 64, stop: 'answer' });
    expect(await codeOf(open(path))).toBe('OUTPUT_DIR_HOLDS_RUN');
    await open(path, true);
  });

  it('must hold a run to be resumed', async () => {
    expect(await codeOf(open(join(temporaryFolder(), 'none'), true))).toBe('RESUME_NOTHING');
  });

  it('may be an empty folder, and one that cannot be made has a code', async () => {
    const folder = temporaryFolder();
    await open(folder);
    writeFileSync(join(folder, 'file'), '');
    expect(await codeOf(open(join(folder, 'file', 'run')))).toBe('WRITE_FAILED');
  });

  it('finds a name that is free', async () => {
    const parent = temporaryFolder();
    mkdirSync(join(parent, 'a'));
    expect(await freeRunName('a', parent)).toBe(join(parent, 'a-2'));
  });

  it('keeps the old file when a new one cannot be written', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.json');
    await writeAtomic(file, 'old');
    await writeAtomic(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a.json']);
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(asDiskError(full, file)).toMatchObject({ code: 'DISK_FULL', exitCode: 1 });
  });
});

describe('metrics', () => {
  it('are appended a step, under a header that does not change', async () => {
    const folder = temporaryFolder();
    const log = await MetricsLog.open((name) => join(folder, name));
    await log.step({ step: 1, reward: -0.5, 'time/sample': 0.25 });
    await log.step({ step: 2, reward: 0.5, 'eval/accuracy': 0.75 });
    await log.completions([{ step: 1, completion: 'a "b",\nc' }]);
    await log.close();
    const lines = readFileSync(join(folder, 'metrics.csv'), 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe(METRIC_COLUMNS.join(','));
    expect(lines).toHaveLength(3);
    expect(lines[1]!.split(',')[3]).toBe('-0.5');
    expect(lines[2]!.split(',')[METRIC_COLUMNS.indexOf('eval/accuracy')]).toBe('0.75');
    expect(
      readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { step: 1, reward: -0.5, 'time/sample': 0.25 },
      { step: 2, reward: 0.5, 'eval/accuracy': 0.75 },
    ]);
  });

  it('are cut to the step that a run resumes from, and a torn last line goes', async () => {
    const folder = temporaryFolder();
    const file = (name: string) => join(folder, name);
    let log = await MetricsLog.open(file);
    for (let step = 1; step <= 5; step++) await log.step({ step, loss: step / 10 });
    await log.close();
    writeFileSync(file('metrics.csv'), '6,0', { flag: 'a' });
    log = await MetricsLog.open(file, 3);
    await log.step({ step: 4, loss: 9 });
    await log.close();
    const csv = readFileSync(file('metrics.csv'), 'utf8').trimEnd().split('\n');
    expect(csv.map((line) => line.split(',')[0])).toEqual(['step', '1', '2', '3', '4']);
    expect(readFileSync(file('metrics.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(4);
  });
});

describe('checkpoints', () => {
  const state = (step: number): TrainerState => ({
    global_step: step,
    epoch: 0,
    max_steps: 10,
    seed: 42,
    num_tokens: 0,
    elapsed: 0,
  });
  const model = {
    save: (folder: string) => writeAtomic(join(folder, 'model.safetensors'), 'w'),
    saveOptimizer: (file: string) => writeAtomic(file, 'o'),
  };

  it('appear whole, and the oldest go', async () => {
    const run = await open(temporaryFolder());
    for (const step of [2, 4, 10]) await saveCheckpoint(run, model, state(step), 2);
    expect(readdirSync(run.file('checkpoints')).sort()).toEqual(['checkpoint-10', 'checkpoint-4']);
    const last = (await lastCheckpoint(run))!;
    expect(last.state).toEqual(state(10));
    expect(readdirSync(last.path).sort()).toEqual([
      'model.safetensors',
      'optimizer.safetensors',
      'trainer_state.json',
    ]);
    await saveCheckpoint(run, model, state(10), 2);
    expect(readdirSync(run.file('checkpoints')).sort()).toEqual(['checkpoint-10', 'checkpoint-4']);
  });

  it('that are not whole are passed over', async () => {
    const run = await open(temporaryFolder());
    await saveCheckpoint(run, model, state(2), 0);
    mkdirSync(run.file('checkpoints', 'checkpoint-4'));
    mkdirSync(run.file('checkpoints', '.checkpoint-6.tmp'));
    mkdirSync(run.file('checkpoints', 'checkpoint-8'));
    writeFileSync(run.file('checkpoints', 'checkpoint-8', 'trainer_state.json'), '{"global_st');
    expect((await lastCheckpoint(run))!.state.global_step).toBe(2);
  });

  it('that fail leave the ones before, and nothing of themselves', async () => {
    const run = await open(temporaryFolder());
    await saveCheckpoint(run, model, state(2), 1);
    const full = {
      ...model,
      saveOptimizer: () =>
        Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })),
    };
    expect(await codeOf(saveCheckpoint(run, full, state(4), 1))).toBe('DISK_FULL');
    expect(readdirSync(run.file('checkpoints'))).toEqual(['checkpoint-2']);
    expect(existsSync(run.file('checkpoints', 'checkpoint-2', 'trainer_state.json'))).toBe(true);
  });
});
