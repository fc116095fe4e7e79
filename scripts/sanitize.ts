/**
 * `npm run test:asan [-- test files]` runs the native tests, `npm run test:tsan` test/sanitizers/threads.mjs, with
 * native/ built for it. docs/reliability.md says what is watched, what is not, and what was found.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { buildAddon, type Sanitizer } from '../src/libtorch/build.js';
import { findLibtorch } from '../src/libtorch/find.js';
import { packageRoot } from '../src/paths.js';
import { orderFor } from '../test/support/processes.js';

const [kind, ...files] = process.argv.slice(2) as [Sanitizer, ...string[]];
const root = packageRoot();

async function build(): Promise<void> {
  const { libtorch } = findLibtorch();
  const onProgress = (line: string) => process.stderr.write(`${line}\n`);
  const { addon } = await buildAddon(libtorch, { sanitize: kind, onProgress });
  process.env.GRPO_NATIVE_ADDON = addon;
}

/** Node was built without the sanitizer: its runtime must be there before anything else is. */
function run(args: string[], runtime: string, env: Record<string, string>): void {
  const preload = execFileSync('g++', [`-print-file-name=${runtime}`], { encoding: 'utf8' }).trim();
  const { status } = spawnSync(process.execPath, args, {
    stdio: 'inherit',
    env: { ...process.env, ...env, LD_PRELOAD: preload },
  });
  process.exitCode = status ?? 1;
}

await build();
if (kind === 'address') {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  // What is watched takes several times as long.
  run([vitest, 'run', '--project', 'native', '--testTimeout', '1200000', ...files], 'libasan.so', {
    // Node frees next to nothing when it ends, and libtorch's registries live for good: all would be leaks.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'grpo-native-tsan-'));
  try {
    writeFileSync(join(scratch, 'order'), serialize(await orderFor('step')));
    run([join(root, 'test', 'sanitizers', 'threads.mjs'), scratch], 'libtsan.so', {
      TSAN_OPTIONS: `suppressions=${join(root, 'test', 'sanitizers', 'thread.supp')}:history_size=4`,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
