import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asDiskError, writeAtomic } from '../../../../src/machine/disk.js';
import { RunFolder } from '../../../../src/run/folder/folder.js';
import { METRIC_COLUMNS } from '../../../../src/grpo/metrics.js';
import { MetricsLog } from '../../../../src/run/folder/metrics-log.js';
import { codeOf, temporaryFolder } from '../../../support/fixtures.js';

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

  it('is written by one process at a time, which the refusal names', async () => {
    const path = join(temporaryFolder(), 'run');
    const run = await open(path);
    const unlock = run.lock();
    const other = await open(path);
    expect(() => other.lock()).toThrow(
      expect.objectContaining({
        code: 'RUN_LOCKED',
        message: expect.stringContaining(`process ${process.pid} on`) as string,
      }) as Error,
    );
    unlock();
    other.lock()();
  });

  it('says of a process elsewhere how long it has been still, and that it can be taken over', async () => {
    const path = temporaryFolder();
    const since = '2025-01-01T00:00:00.000Z';
    writeFileSync(
      join(path, 'run.lock'),
      JSON.stringify({ pid: 7, host: 'pod-3', started: 'boot 1', since }),
    );
    for (const [name, hours] of [
      ['run.lock', 5],
      ['metrics.jsonl', 3],
    ] as const) {
      writeFileSync(join(path, name), '', { flag: 'a' });
      utimesSync(join(path, name), new Date(), new Date(Date.now() - hours * 3_600_000));
    }
    const run = await RunFolder.open(path, { resume: true });
    await expect(run.claim()).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringMatching(
        /is being written by process 7 on pod-3, since 2025-01-01T00:00:00.000Z; nothing was written there for 3 h/,
      ) as string,
      fix: expect.stringContaining('--take-over') as string,
    });
    const other = await RunFolder.open(path, { resume: true, takeOver: true });
    await other.claim();
    other.release();
    expect(readdirSync(path)).toEqual(['metrics.jsonl']);
  });

  it('that another process began and ended in the meantime is not taken', async () => {
    const path = join(temporaryFolder(), 'run');
    const late = await RunFolder.open(path, { resume: false });
    const quick = await RunFolder.open(path, { resume: false });
    await quick.claim();
    await quick.writeConfig({ seed: 1 });
    quick.release();
    expect(await codeOf(late.claim())).toBe('OUTPUT_DIR_HOLDS_RUN');
    // Nor does the refused one keep it.
    await (await RunFolder.open(path, { resume: true })).claim();
  });

  it('puts back what a process that died was replacing, and removes what it was writing', async () => {
    const path = temporaryFolder();
    for (const name of ['.final.old', '.final.tmp', 'checkpoints/.checkpoint-4.tmp'])
      mkdirSync(join(path, name), { recursive: true });
    writeFileSync(join(path, '.final.old', 'model.safetensors'), 'w');
    writeFileSync(join(path, 'summary.json.tmp-123'), '{');
    await (await open(path, true)).mend();
    expect(readdirSync(path).sort()).toEqual(['checkpoints', 'final']);
    expect(readdirSync(join(path, 'final'))).toEqual(['model.safetensors']);
    expect(readdirSync(join(path, 'checkpoints'))).toEqual([]);
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

  it('finds a name that is free when it is claimed, each its own', async () => {
    const parent = join(temporaryFolder(), 'runs');
    const late = RunFolder.unnamed('a', parent);
    mkdirSync(join(parent, 'a'), { recursive: true });
    const together = Array.from({ length: 5 }, () => RunFolder.unnamed('a', parent));
    await Promise.all(together.map((run) => run.claim()));
    const names = together.map(({ path }) => path);
    expect(names.sort()).toEqual([2, 3, 4, 5, 6].map((i) => join(parent, `a-${i}`)));
    for (const run of together) {
      await run.writeConfig({});
      run.release();
    }
    await late.claim();
    expect(late.path).toBe(join(parent, 'a-7'));
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
