import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRows, readRuns } from '../../../../src/run/folder/read.js';
import { temporaryFolder } from '../../../support/fixtures.js';
import { writeRun } from '../../../support/run-folder.js';

it('rows are steps and evaluations, and nothing else that metrics.jsonl tells', async () => {
  const folder = temporaryFolder();
  const rows = [
    { step: 0, 'eval/accuracy': 0 },
    { step: 1, reward: 1 },
    { step: 1, diagnosis: 'kl_runaway', event: 'begins' },
    { step: 1, checkpoint: 'checkpoints/checkpoint-1', 'time/save': 1 },
    { step: 2, reward: 1 },
  ];
  writeFileSync(join(folder, 'metrics.jsonl'), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n{"ste`);
  expect(await readRows(folder)).toEqual([rows[0], rows[1], rows[4]]);
});

describe('among what a pattern finds', () => {
  const place = () => {
    const parent = temporaryFolder();
    const at = (name: string) => join(parent, name);
    for (const name of ['a', 'b', 'sweep/c']) writeRun(at(name), { steps: 3 });
    mkdirSync(at('empty'));
    writeFileSync(at('notes.txt'), 'mine');
    writeRun(at('torn'), { steps: 3 });
    writeFileSync(at('torn/config.yaml'), 'a: [');
    return at;
  };

  it.each([
    [['a', 'b'], []],
    [
      ['a', 'empty', 'notes.txt', 'sweep', 'b'],
      ['empty', 'notes.txt', 'sweep'],
    ],
    [['torn', 'a'], ['torn']],
    [['missing', 'a'], ['missing']],
  ])('%j: runs are read, and %j are named and passed over', async (names, others) => {
    const at = place();
    const told: string[] = [];
    const runs = await readRuns(names.map(at), (text) => void told.push(text));
    expect(runs.map(({ folder }) => folder)).toEqual(names.filter((name) => !others.includes(name)).map(at));
    expect(runs.every(({ record }) => record.steps.length === 3)).toBe(true);
    expect(told).toHaveLength(others.length);
    others.forEach((name, i) => expect(told[i]).toContain(at(name)));
  });

  it.each([[['empty']], [['empty', 'notes.txt']], [['missing']]])(
    '%j holds none, which is an error',
    async (names) => {
      const at = place();
      const told: string[] = [];
      await expect(readRuns(names.map(at), (text) => void told.push(text))).rejects.toMatchObject({
        code: 'RUN_NOT_FOUND',
      });
      expect(told).toEqual([]);
    },
  );
});
