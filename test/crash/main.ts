/** `npm run test:crash -- [--kills 200] [--seed 1]`: see `harness.ts`. Exit code 1 where a run didn't survive. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prove } from './harness.js';
import { PHASES } from './phase.js';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const folder = mkdtempSync(join(tmpdir(), 'grpo-native-crash-'));
const start = performance.now();
const { kills, runs, phases, faults } = await prove({
  kills: Number(values.kills),
  seed: Number(values.seed),
  folder,
  onProgress: (text) => console.log(text),
});
console.log(`\n| killed while | times |\n| --- | --- |`);
for (const phase of PHASES) console.log(`| ${phase} | ${phases.get(phase) ?? 0} |`);
console.log(
  `\n${kills} kills of ${runs} runs in ${((performance.now() - start) / 1000).toFixed(0)} s: ${
    faults.length === 0 ? 'each ended bit for bit as the undisturbed run' : `${faults.length} faults`
  }`,
);
if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  console.error(`the runs are in ${folder}`);
  process.exitCode = 1;
} else rmSync(folder, { recursive: true });
