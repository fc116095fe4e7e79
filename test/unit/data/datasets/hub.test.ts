import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GrpoError } from '../../../../src/common/errors.js';
import { downloadDataset } from '../../../../src/hub/datasets.js';
import { loadDatasetTask } from '../../../../src/data/datasets/task.js';
import { codeOf, fixtures } from '../../../support/fixtures.js';

vi.mock('../../../../src/hub/datasets.js', () => ({ downloadDataset: vi.fn() }));

const asked = vi.mocked(downloadDataset);

/** A hub whose datasets have these splits, each of the same five rows; other ones are refused as the hub's are. */
function hubWith(...splits: string[]): void {
  asked.mockImplementation(async (id, { split, config }) => {
    if (!splits.includes(split))
      throw new GrpoError('DATASET_SPLIT', `${id} has no split ${split}`, { fix: 'another' });
    return {
      files: [join(fixtures, 'datasets', 'zstd.parquet')],
      revision: 'c0ffee',
      config: config ?? 'default',
    };
  });
}

const load = (options: object = {}, name = 'user/tickets') =>
  loadDatasetTask({ datasetName: name, promptColumn: 'question', answerColumn: 'label', ...options });
const splitsOf = async (task: Awaited<ReturnType<typeof load>>) =>
  (await task.problems()).map(({ split }) => split);
const calls = () =>
  asked.mock.calls.map(([id, { split, revision, config }]) => [id, split, revision, config]);

afterEach(() => void asked.mockReset());

describe('a dataset of the hub', () => {
  it('has its splits, of one commit', async () => {
    hubWith('train', 'test');
    const task = await load({ datasetConfig: 'main' }, 'user/tickets@v1');
    expect(task.name).toBe('tickets');
    expect(await splitsOf(task)).toEqual([
      ...Array<string>(5).fill('held_out'),
      ...Array<string>(5).fill('train'),
    ]);
    expect(calls()).toEqual([
      ['user/tickets', 'train', 'v1', 'main'],
      ['user/tickets', 'test', 'c0ffee', 'main'],
    ]);
    expect(task.source).toEqual({ name: 'user/tickets@v1', revision: 'c0ffee', config: 'main' });
  });

  it('without a test split is split by the hash', async () => {
    hubWith('train');
    expect(await splitsOf(await load())).toEqual(Array(5).fill(undefined));
  });

  it('must have the splits that are named', async () => {
    hubWith('train');
    expect(await codeOf(load({ datasetTestSplit: 'exam' }))).toBe('DATASET_SPLIT');
    expect(await codeOf(load({ datasetTrainSplit: 'test' }))).toBe('DATASET_SPLIT');
    hubWith('test');
    asked.mockClear();
    expect(await splitsOf(await load({ datasetTrainSplit: 'test' }))).toEqual(Array(5).fill(undefined));
    expect(calls()).toEqual([['user/tickets', 'test', 'main', null]]);
  });

  it('that cannot be had ends with the error of the hub', async () => {
    asked.mockRejectedValue(new GrpoError('HUB_OFFLINE', 'no network', { fix: 'a cable' }));
    expect(await codeOf(load())).toBe('HUB_OFFLINE');
  });

  it.each(['data/tickets.jsonl', 'tickets', '../data/tickets', 'a/b/c', '/data/tickets', 'a/b@'])(
    'is not asked for by %s',
    async (name) => {
      expect(await codeOf(load({}, name))).toBe('DATASET_NOT_FOUND');
      expect(asked).not.toHaveBeenCalled();
    },
  );
});
