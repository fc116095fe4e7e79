import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCompletions, recordedSteps } from '../../../../src/run/folder/completions.js';
import { temporaryFolder } from '../../../support/fixtures.js';

const line = (step: number, completion: string) => `${JSON.stringify({ step, completion, count: 1 })}\n`;

async function read(folder: string, steps: number[]) {
  const found: [number, string[]][] = [];
  for await (const { step, completions } of readCompletions(folder, new Set(steps)))
    found.push([step, completions.map(({ completion }) => completion)]);
  return found;
}

describe('recorded completions', () => {
  it('are read a step at a time, whatever they hold', async () => {
    const folder = temporaryFolder();
    // Longer than what is read at once, and with characters that other readers end a line at.
    const long = `${'x'.repeat(200_000)}\u2028\n{"step":9}`;
    writeFileSync(
      join(folder, 'completions.jsonl'),
      `${line(1, 'a')}${line(1, 'b')}${line(3, long)}${line(4, 'c')}{"step":5,"comp`,
    );
    expect(await recordedSteps(folder)).toEqual([1, 3, 4]);
    expect(await read(folder, [1, 3, 4, 5])).toEqual([
      [1, ['a', 'b']],
      [3, [long]],
      [4, ['c']],
    ]);
    expect(await read(folder, [4])).toEqual([[4, ['c']]]);
  });

  it('are none where there is no file', async () => {
    expect(await recordedSteps(temporaryFolder())).toEqual([]);
    expect(await read(temporaryFolder(), [1])).toEqual([]);
  });
});
