/** A run of the embedded model, and what was noticed in it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cli, jsonLines } from './cli.js';
import { temporaryFolder } from './fixtures.js';

interface Told {
  step: number;
  diagnosis: string;
  event: string;
  level: string;
}

export async function trainAndDiagnose(...args: string[]) {
  const folder = join(temporaryFolder(), 'run');
  const { code, stdout, stderr } = await cli([
    'train',
    '--model',
    'tiny',
    '--save-steps',
    '0',
    '--output-dir',
    folder,
    ...args,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const told = jsonLines(readFileSync(join(folder, 'metrics.jsonl'), 'utf8')).filter(
    (row) => 'diagnosis' in row,
  ) as unknown as Told[];
  const worst = Object.fromEntries(told.map(({ diagnosis, level }) => [diagnosis, level]));
  return { told, worst, stdout, folder };
}
