import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRows } from '../../../../src/run/folder/read.js';
import { temporaryFolder } from '../../../support/fixtures.js';

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
