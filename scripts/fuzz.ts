/**
 * `npm run fuzz [-- --runs 10000] [--seconds 600] [--seed 1] [--only YAML]`: gives malformed files to everything
 * that reads files. An input that is neither read nor refused with a `GrpoError` is a failure: it is written to
 * the folder that is printed, and the exit status is 1. Once the cause is fixed, it belongs in
 * test/fixtures/hostile.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from '../test/support/hostile/run.js';
import { targets } from '../test/support/hostile/targets.js';

// The tokenizer's library warns of regular expressions that it doesn't know.
console.warn = () => undefined;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    only: { type: 'string', default: '' },
  },
});
const scratch = mkdtempSync(join(tmpdir(), 'grpo-native-fuzz-'));
const all = targets(join(import.meta.dirname, '../test/fixtures/models'), scratch).filter(({ name }) =>
  name.includes(values.only),
);
const limit = {
  runs: Math.ceil(Number(values.runs) / all.length),
  milliseconds: (1000 * Number(values.seconds)) / all.length,
  seed: Number(values.seed),
};
process.stdout.write(`seed ${limit.seed}\n`);
let total = 0;
try {
  for (const target of all) {
    const began = performance.now();
    const { runs, outcomes, failure } = await fuzz(target, limit);
    total += runs;
    const counts = [...outcomes]
      .sort(([, a], [, b]) => b - a)
      .map(([outcome, count]) => `${outcome} ${count}`);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    process.stdout.write(`${target.name}: ${runs} inputs in ${seconds} s: ${counts.join(', ')}\n`);
    if (!failure) continue;
    process.exitCode = 1;
    const { input, error } = failure;
    const folder = join(tmpdir(), 'grpo-native-fuzz-found');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, target.name.replace(/\W+/g, '-'));
    writeFileSync(file, input as string | Uint8Array);
    process.stdout.write(`  FAILED on ${file}: ${(error as Error).stack}\n`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(`${total} inputs in all\n`);
