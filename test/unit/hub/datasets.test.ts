import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { downloadDataset } from '../../../src/hub/datasets.js';
import { codeOf } from '../../support/fixtures.js';
import { startHub } from '../../support/hub-server.js';

const MAIN = 'a'.repeat(40);
const CONVERTED = 'b'.repeat(40);
const NEWER = 'c'.repeat(40);

/** As openai/gsm8k: two configurations in folders of their own. */
const OWN = {
  'README.md': '# data',
  'main/train-00000-of-00002.parquet': 'main train 0',
  'main/train-00001-of-00002.parquet': 'main train 1',
  'main/test-00000-of-00001-0a1b2c3d.parquet': 'main test',
  'socratic/train-00000-of-00001.parquet': 'socratic train',
};

const read = (files: string[]) => files.map((file) => readFileSync(file, 'utf8'));

describe('a dataset that has Parquet files', () => {
  async function start(files: Record<string, string> = OWN) {
    const started = await startHub();
    started.hub.add('datasets/org/data@main', MAIN, files);
    return started;
  }

  it('is downloaded by configuration and split, at a commit, into the cache of the hub’s own tools', async () => {
    const { home } = await start();
    const seen: string[] = [];
    const train = await downloadDataset('org/data', {
      config: 'main',
      split: 'train',
      onProgress: ({ file, received, total }) => received === total && seen.push(file),
    });
    expect(read(train.files)).toEqual(['main train 0', 'main train 1']);
    expect(train).toMatchObject({ revision: MAIN, config: 'main' });
    const folder = join(home, 'hub', 'datasets--org--data');
    expect(train.files[0]).toBe(join(folder, 'snapshots', MAIN, 'main', 'train-00000-of-00002.parquet'));
    expect(readFileSync(join(folder, 'refs', 'main'), 'utf8')).toBe(MAIN);
    expect([...new Set(seen)]).toEqual([
      'main/train-00000-of-00002.parquet',
      'main/train-00001-of-00002.parquet',
    ]);
    const test = await downloadDataset('org/data', { config: 'main', split: 'test' });
    expect(read(test.files)).toEqual(['main test']);
    expect(readdirSync(join(folder, 'snapshots', MAIN))).toEqual(['main']);
  });

  it('needs no network when it is in the cache', async () => {
    const { hub } = await start();
    const asked = { config: 'main', split: 'train' };
    const first = await downloadDataset('org/data', asked);
    const before = hub.requests.length;
    expect(await downloadDataset('org/data', asked)).toEqual(first);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await downloadDataset('org/data', asked)).toEqual(first);
    expect(hub.requests.length).toBe(before);
    // What isn't there is known to be there all the same.
    expect(await codeOf(downloadDataset('org/data', { config: 'main', split: 'test' }))).toBe('HUB_OFFLINE');
    expect(await codeOf(downloadDataset('org/data', { config: 'main', split: 'tset' }))).toBe(
      'DATASET_SPLIT',
    );
    expect(await codeOf(downloadDataset('org/other', { split: 'train' }))).toBe('HUB_OFFLINE');
  });

  it('is used without network where another tool has fetched it, and only whole', async () => {
    const { home } = await start();
    const asked = { config: 'main', split: 'train' };
    const { files } = await downloadDataset('org/data', asked);
    rmSync(join(home, 'hub', 'datasets--org--data', 'listings'), { recursive: true });
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect((await downloadDataset('org/data', asked)).files).toEqual(files);
    rmSync(files[1]!);
    expect(await codeOf(downloadDataset('org/data', asked))).toBe('DATASET_FILES');
  });

  it('stays at the commit that the first split was of', async () => {
    const { hub } = await start();
    const { revision } = await downloadDataset('org/data', { config: 'main', split: 'train' });
    hub.add('datasets/org/data@main', NEWER, {
      ...OWN,
      'main/test-00000-of-00001-0a1b2c3d.parquet': 'changed',
    });
    hub.add('datasets/org/data@old', MAIN, OWN);
    const test = await downloadDataset('org/data', { config: 'main', split: 'test', revision });
    expect(read(test.files)).toEqual(['main test']);
    expect(test.revision).toBe(MAIN);
  });

  it('goes on where the connection broke off', async () => {
    const { hub } = await start({ 'data/train-00000-of-00001.parquet': 'x'.repeat(5000) });
    let breaks = 1;
    hub.before = ({ method, url }, response) => {
      if (method !== 'GET' || !url!.endsWith('.parquet') || breaks-- <= 0) return false;
      response.writeHead(200, { 'content-length': 5000 });
      response.write('x'.repeat(2000), () => setTimeout(() => response.destroy(), 250));
      return true;
    };
    const { files, config } = await downloadDataset('org/data', { split: 'train' });
    expect(read(files)).toEqual(['x'.repeat(5000)]);
    expect(config).toBe('default');
    const ranges = hub.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('.parquet'));
    expect(ranges.map(({ range }) => range)).toEqual([undefined, 'bytes=2000-']);
  });

  it('lists its configurations and splits where none fits', async () => {
    await start();
    const fixOf = (work: Promise<unknown>) =>
      work.catch((error: unknown) => {
        const { code, fix } = error as { code: string; fix: string };
        return `${code} ${fix}`;
      });
    expect(await fixOf(downloadDataset('org/data', { split: 'train' }))).toMatch(
      /^DATASET_CONFIG .*"main", "socratic"$/,
    );
    expect(await fixOf(downloadDataset('org/data', { config: 'mian', split: 'train' }))).toMatch(
      /^DATASET_CONFIG .*did you mean main/,
    );
    expect(await fixOf(downloadDataset('org/data', { config: 'main', split: 'validation' }))).toMatch(
      /^DATASET_SPLIT .*"test", "train"/,
    );
  });

  it.each([
    ['data/train.parquet', 'default', 'train'],
    ['test.parquet', 'default', 'test'],
    ['en/validation-0.parquet', 'en', 'validation'],
    ['data/dev_small-00000-of-00001.parquet', 'default', 'dev_small'],
  ])('may call its files %s', async (name, config, split) => {
    await start({ [name]: name, 'data/other.parquet': 'no split' });
    const found = await downloadDataset('org/data', { config, split });
    expect(read(found.files)).toEqual([name]);
  });
});

describe('a dataset of other files', () => {
  async function start() {
    const started = await startHub();
    started.hub.add('datasets/org/data@main', MAIN, {
      'data.jsonl': '{}',
      '../train-00000-of-00001.parquet': 'x',
    });
    return started;
  }

  it('is taken as the hub has converted it', async () => {
    const { hub, home } = await start();
    hub.add('datasets/org/data@refs/convert/parquet', CONVERTED, {
      'default/train/0001.parquet': 'second',
      'default/train/0000.parquet': 'first',
      'default/partial-test/0000.parquet': 'a part',
    });
    const train = await downloadDataset('org/data', { split: 'train' });
    expect(read(train.files)).toEqual(['first', 'second']);
    expect(train).toMatchObject({ revision: CONVERTED, config: 'default' });
    const refs = join(home, 'hub', 'datasets--org--data', 'refs');
    expect(readFileSync(join(refs, 'refs', 'convert', 'parquet'), 'utf8')).toBe(CONVERTED);
    const before = hub.requests.length;
    await downloadDataset('org/data', { split: 'train' });
    expect(hub.requests.length).toBe(before);
    const test = await downloadDataset('org/data', { split: 'test', revision: train.revision });
    expect(read(test.files)).toEqual(['a part']);
  });

  it('that the hub has not converted is an error that says what to do', async () => {
    await start();
    expect(await codeOf(downloadDataset('org/data', { split: 'train' }))).toBe('DATASET_FILES');
  });

  it('is known to be converted at main alone', async () => {
    const { hub } = await start();
    hub.add('datasets/org/data@v1', NEWER, { 'data.jsonl': '{}' });
    await expect(downloadDataset('org/data', { split: 'train', revision: 'v1' })).rejects.toMatchObject({
      code: 'DATASET_FILES',
      message: expect.stringContaining('converts main alone') as string,
    });
  });
});

it('a dataset that is not there, gated or misnamed is an error with a code', async () => {
  const { hub } = await startHub();
  expect(await codeOf(downloadDataset('org/data', { split: 'train' }))).toBe('DATASET_NOT_FOUND');
  for (const name of ['data', '../..', 'a/b/c', 'org/..'])
    expect(await codeOf(downloadDataset(name, { split: 'train' }))).toBe('DATASET_NOT_FOUND');
  expect(await codeOf(downloadDataset('org/data', { split: 'train', revision: '../../x' }))).toBe(
    'HUB_REVISION',
  );
  hub.before = (_, response) => {
    response.writeHead(403, { 'x-error-code': 'GatedRepo' }).end();
    return true;
  };
  await expect(downloadDataset('org/data', { split: 'train' })).rejects.toMatchObject({
    code: 'HUB_ACCESS',
    fix: expect.stringContaining('https://huggingface.co/datasets/org/data') as string,
  });
});
