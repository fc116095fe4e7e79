import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveModel } from '../../../src/model/files.js';
import { findWeights } from '../../../src/model/run-weights.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';

/** Runs of which nothing is there but the names of their files. */
function runs(...files: string[]): (name: string) => string {
  const parent = temporaryFolder();
  for (const file of files) {
    mkdirSync(dirname(join(parent, file)), { recursive: true });
    writeFileSync(join(parent, file), '{}');
  }
  return (name) => join(parent, name);
}

const ended = [
  'run/config.yaml',
  'run/checkpoints/checkpoint-8/config.json',
  'run/checkpoints/checkpoint-16/config.json',
  'run/final/config.json',
];
const goesOn = ended.slice(0, 3);

describe.each([
  ['--model', resolveModel],
  [
    '--init-from',
    (from: string, { onNotice }: { onNotice: (text: string) => void }) => findWeights(from, onNotice),
  ],
])('%s', (_option, find) => {
  it.each([
    ['a run that has ended', ended, 'run', 'run/final', true],
    ['one that goes on', goesOn, 'run', 'run/checkpoints/checkpoint-16', true],
    ['a checkpoint by its short name', ended, 'run/checkpoint-8', 'run/checkpoints/checkpoint-8', true],
    ['a checkpoint', ended, 'run/checkpoints/checkpoint-8', 'run/checkpoints/checkpoint-8', false],
    ['a final model', ended, 'run/final', 'run/final', false],
    ['a model folder', ['run/config.json'], 'run', 'run', false],
  ])('takes %s', async (_what, files, name, expected, told) => {
    const path = runs(...files);
    const notices: string[] = [];
    expect(await find(path(name), { onNotice: (text) => void notices.push(text) })).toBe(path(expected));
    expect(notices).toEqual(told ? [expect.stringContaining(path(expected))] : []);
  });
});

describe('a run that chooses', () => {
  const withBest = [...ended, 'run/best/config.json'];
  const config = (path: (name: string) => string, loadBest: boolean) =>
    writeFileSync(join(path('run'), 'config.yaml'), `load_best_model_at_end: ${loadBest}\n`);

  it.each([
    ['stands for its best weights when it has ended', withBest, true, 'run/best'],
    ['stands for its last where it was not told to', withBest, false, 'run/final'],
    [
      'stands for its newest while it goes on',
      [...goesOn, 'run/best/config.json'],
      true,
      'run/checkpoints/checkpoint-16',
    ],
    ['stands for its last where the best are gone', ended, true, 'run/final'],
  ])('%s', async (_what, files, loadBest, expected) => {
    const path = runs(...files);
    config(path, loadBest);
    expect(await findWeights(path('run'))).toBe(path(expected));
    expect(await resolveModel(path('run'))).toBe(path(expected));
  });

  it('gives its best weights by their name', async () => {
    const path = runs(...withBest);
    expect(await findWeights(path('run/best'))).toBe(path('run/best'));
  });
});

it('a run that has saved nothing has no weights', async () => {
  const path = runs('run/config.yaml', 'run/metrics.jsonl');
  expect(await codeOf(resolveModel(path('run')))).toBe('MODEL_NOT_FOUND');
  expect(await codeOf(resolveModel(path('run/checkpoint-8')))).toBe('MODEL_NOT_FOUND');
  expect(await codeOf(findWeights(path('run')))).toBe('INIT_FROM');
});
