/** A user's own modules, wherever they lie. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import rloo from '../../../examples/rloo.js';
import { packageRoot } from '../../../src/machine/paths.js';
import { defaultExport } from '../../../src/machine/user-module.js';
import { temporaryFolder } from '../../support/fixtures.js';

const nothing = () => undefined;

/** Another package of our name, which lacks what the module imports. */
function anotherPackage(folder: string): void {
  const other = join(folder, 'node_modules', 'grpo-native');
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, 'package.json'), '{"name": "grpo-native", "type": "module", "main": "index.js"}');
  writeFileSync(join(other, 'index.js'), 'export {};\n');
}

it.each([
  ['nothing', nothing],
  ['another package of its name', anotherPackage],
])('a module in a folder with %s imports the package that runs it by its name', async (_, prepare) => {
  const folder = temporaryFolder();
  prepare(folder);
  copyFileSync(join(packageRoot(), 'examples', 'rloo.ts'), join(folder, 'mine.ts'));
  const { advantages, loss } = (await defaultExport('mine.ts', folder)) as typeof rloo;
  expect(loss).toBeTypeOf('function');
  const groups = { rewardsPerFunction: [], rewards: Float64Array.of(1, 0, 0, 0), numGenerations: 4 };
  expect(advantages(groups)).toEqual(rloo.advantages(groups));
});
