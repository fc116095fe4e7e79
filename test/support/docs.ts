/** What the documentation says, to be held against the code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/machine/paths.js';

/** Cells of the rows that begin with a name in code. */
export const documented = (file: string): string[][] =>
  readFileSync(join(packageRoot(), 'docs', file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
