import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAtomic } from '../../../../src/machine/disk.js';
import { CheckpointWriter } from '../../../../src/run/folder/checkpoint-writer.js';
import { type Snapshotable } from '../../../../src/model/trainable.js';
import {
  findCheckpoint,
  removeOld,
  saveCheckpoint,
  setAside,
  type SaveOptions,
  type TrainerState,
} from '../../../../src/run/folder/checkpoints.js';
import { type Saveable } from '../../../../src/model/trainable.js';
import { RunFolder } from '../../../../src/run/folder/folder.js';
import { codeOf, temporaryFolder } from '../../../support/fixtures.js';

const state = (step: number): TrainerState => ({
  global_step: step,
  epoch: 0,
  max_steps: 10,
  seed: 42,
  num_tokens: 0,
  elapsed: 0,
});
const model: Saveable = {
  save: (folder) => writeAtomic(join(folder, 'model.safetensors'), 'w'),
  saveOptimizer: (file) => writeAtomic(file, 'o'),
  saveReference: (file) => writeAtomic(file, 'r'),
};

async function runWith(...steps: number[]): Promise<RunFolder> {
  const run = await RunFolder.open(temporaryFolder(), { resume: false });
  await run.create();
  for (const step of steps) await save(run, step);
  return run;
}

const save = (run: RunFolder, step: number, options: Partial<SaveOptions> = {}, what = model) =>
  saveCheckpoint(
    run,
    what,
    { step, state: JSON.stringify(state(step)) },
    { limit: 0, reference: false, ...options },
  );

const names = (run: RunFolder) => readdirSync(run.file('checkpoints')).sort();

describe('checkpoints', () => {
  it('appear whole, and the oldest go', async () => {
    const run = await runWith();
    for (const step of [2, 4, 10]) await save(run, step, { limit: 2 });
    expect(names(run)).toEqual(['checkpoint-10', 'checkpoint-4']);
    const last = (await findCheckpoint(run))!;
    expect(last.state).toEqual(state(10));
    expect(readdirSync(last.path).sort()).toEqual([
      'manifest.json',
      'model.safetensors',
      'optimizer.safetensors',
      'trainer_state.json',
    ]);
    await save(run, 10, { limit: 2, reference: true });
    expect(names(run)).toEqual(['checkpoint-10', 'checkpoint-4']);
    expect(readdirSync(last.path)).toContain('reference.safetensors');
  });

  it('name each of their files with its size and hash', async () => {
    const run = await runWith(2);
    const manifest = JSON.parse(
      readFileSync(run.file('checkpoints', 'checkpoint-2', 'manifest.json'), 'utf8'),
    ) as { files: Record<string, unknown> };
    expect(Object.keys(manifest.files)).toEqual([
      'model.safetensors',
      'optimizer.safetensors',
      'trainer_state.json',
    ]);
    expect(manifest.files['model.safetensors']).toEqual({
      size: 1,
      // printf w | sha256sum
      sha256: '50e721e49c013f00c62cf59f2163542a9d8df02464efeb615d31051b0fddc326',
    });
  });

  it.each<[string, string, (folder: string) => void]>([
    ['it has no manifest.json', 'empty', () => undefined],
    [
      'its manifest.json is damaged',
      'torn',
      (folder) => writeFileSync(join(folder, 'manifest.json'), '{"fi'),
    ],
    [
      'model.safetensors is missing',
      'without weights',
      (folder) =>
        writeFileSync(
          join(folder, 'manifest.json'),
          '{"files":{"model.safetensors":{"size":1,"sha256":"0"}}}',
        ),
    ],
  ])('that are not whole are passed over: %s', async (fault, _, spoil) => {
    const run = await runWith(2);
    const folder = run.file('checkpoints', 'checkpoint-8');
    mkdirSync(folder);
    spoil(folder);
    const notices: string[] = [];
    const found = await findCheckpoint(run, undefined, (text) => notices.push(text));
    expect(found!.state.global_step).toBe(2);
    expect(notices).toEqual([`${folder} is not whole and is passed over: ${fault}`]);
  });

  it.each([
    ['longer', 'longer', 'has 6 bytes instead of 1'],
    ['another', 'x', 'was changed'],
  ])('whose weights became %s are passed over, and refused by name', async (_, content, fault) => {
    const run = await runWith(2, 4);
    writeFileSync(run.file('checkpoints', 'checkpoint-4', 'model.safetensors'), content);
    expect((await findCheckpoint(run))!.state.global_step).toBe(2);
    await expect(findCheckpoint(run, 'checkpoint-4')).rejects.toMatchObject({
      code: 'RESUME_CHECKPOINT',
      message: expect.stringContaining(`is not whole: model.safetensors ${fault}`) as string,
    });
  });

  it('are found by name, and a wrong name lists those that are there', async () => {
    const run = await runWith(2, 4);
    expect((await findCheckpoint(run, 'checkpoint-2'))!.state.global_step).toBe(2);
    await expect(findCheckpoint(run, 'checkpoint-3')).rejects.toMatchObject({
      code: 'RESUME_CHECKPOINT',
      fix: 'name one of checkpoint-2, checkpoint-4',
    });
  });

  it('later than the one that a run goes on from are set aside, not lost', async () => {
    const run = await runWith(2, 4, 6);
    expect(await setAside(run, 4)).toEqual([run.file('checkpoints', 'replaced-checkpoint-6')]);
    expect(names(run)).toEqual(['checkpoint-2', 'checkpoint-4', 'replaced-checkpoint-6']);
    expect((await findCheckpoint(run))!.state.global_step).toBe(4);
  });

  it('that are old go whole: a kill on the way leaves no part of one, and the limit holds at the next start', async () => {
    const run = await runWith(2, 4, 6, 8);
    // Killed on the way.
    renameSync(run.file('checkpoints', 'checkpoint-2'), run.file('checkpoints', '.checkpoint-2.tmp'));
    await run.mend();
    await removeOld(run, 2);
    expect(names(run)).toEqual(['checkpoint-6', 'checkpoint-8']);
    await removeOld(run, 0);
    expect(names(run)).toEqual(['checkpoint-6', 'checkpoint-8']);
  });

  it('that fail leave the ones before, and nothing of themselves', async () => {
    const run = await runWith(2);
    const full = {
      ...model,
      saveOptimizer: () =>
        Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })),
    };
    expect(await codeOf(save(run, 4, { limit: 1 }, full))).toBe('DISK_FULL');
    expect(names(run)).toEqual(['checkpoint-2']);
    expect(existsSync(run.file('checkpoints', 'checkpoint-2', 'trainer_state.json'))).toBe(true);
  });
});

describe('the writer of checkpoints', () => {
  const snapshotable = (bytes: number, saving: Saveable = model) => {
    const calls = { taken: 0, released: 0 };
    const whole: Snapshotable = {
      ...saving,
      snapshotBytes: () => bytes,
      snapshot: () => {
        calls.taken++;
        const release = () => {
          calls.released++;
        };
        return Promise.resolve({ ...saving, release });
      },
    };
    return { whole, calls };
  };
  const options = { limit: 0, reference: false };
  const silent = { whole: () => Promise.resolve(), written: () => Promise.resolve() };

  it('lets the run go on while it writes, and gives back the copy', async () => {
    const run = await runWith();
    let go!: () => void;
    const slow = { ...model, saveOptimizer: () => new Promise<void>((done) => (go = done)) };
    const { whole: copied, calls } = snapshotable(0, slow);
    const whole: unknown[] = [];
    const written: unknown[] = [];
    const writer = new CheckpointWriter(run, copied, options, {
      whole: ({ step, path }) => Promise.resolve(void whole.push(step, existsSync(path))),
      written: (step, path) => Promise.resolve(void written.push(step, existsSync(path))),
    });
    await writer.save(state(2));
    expect([written, calls]).toEqual([[], { taken: 1, released: 0 }]);
    await expect.poll(() => go).toBeDefined();
    go();
    await writer.settle();
    // What is noted of a checkpoint is on the disk before it has its name.
    expect({ whole, written, calls }).toEqual({
      whole: [2, false],
      written: [2, true],
      calls: { taken: 1, released: 1 },
    });
  });

  it('writes from the model itself where a copy has no room', async () => {
    const run = await runWith();
    const { whole, calls } = snapshotable(2 ** 50);
    const writer = new CheckpointWriter(run, whole, options, silent);
    await writer.save(state(2));
    expect(calls.taken).toBe(0);
    expect(names(run)).toEqual(['checkpoint-2']);
  });

  it('tells of a failure to whoever waits for it next', async () => {
    const run = await runWith();
    const { whole, calls } = snapshotable(0, {
      ...model,
      save: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    });
    const writer = new CheckpointWriter(run, whole, options, silent);
    await writer.save(state(2));
    expect(await codeOf(writer.settle())).toBe('DISK_FULL');
    expect(calls.released).toBe(1);
    await writer.settle();
  });
});
