/**
 * `npm run test:asan [-- test files]` runs the native tests, `npm run test:tsan` test/sanitizers/threads.mjs, with
 * native/ built for it. docs/reliability.md says what is watched, what is not, and what was found.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { buildAddon, type Sanitizer } from '../src/engine/libtorch/build.js';
import { findLibtorch } from '../src/engine/libtorch/find.js';
import { packageRoot } from '../src/machine/paths.js';
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
function environment(runtime: string, env: Record<string, string>): NodeJS.ProcessEnv {
  const preload = execFileSync('g++', [`-print-file-name=${runtime}`], { encoding: 'utf8' }).trim();
  return { ...process.env, ...env, LD_PRELOAD: preload };
}

function run(args: string[], env: NodeJS.ProcessEnv): void {
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1;
}

/** Silence says something only where a race that is there is found. */
function findsPlantedRace(scratch: string, env: NodeJS.ProcessEnv): void {
  const library = join(scratch, 'planted-race.so');
  const source = join(root, 'test', 'sanitizers', 'planted-race.cpp');
  execFileSync('g++', ['-std=c++17', '-shared', '-fPIC', '-g', '-fsanitize=thread', source, '-o', library]);
  // It is no addon, which node says once it was loaded, and so has raced.
  const load = `try { process.dlopen({ exports: {} }, ${JSON.stringify(library)}); } catch {}`;
  const { stderr } = spawnSync(process.execPath, ['-e', load], { env, encoding: 'utf8' });
  if (!/data race[^]*planted-race\.cpp/.test(stderr))
    throw new Error(`ThreadSanitizer did not report the planted race: ${stderr}`);
  process.stderr.write('the planted race was found\n');
}

await build();
if (kind === 'address') {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  // What is watched takes several times as long.
  const env = environment('libasan.so', {
    // Node frees next to nothing when it ends, and libtorch's registries live for good: all would be leaks.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
  run([vitest, 'run', '--project', 'native', '--testTimeout', '1200000', ...files], env);
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'grpo-native-tsan-'));
  try {
    const env = environment('libtsan.so', {
      TSAN_OPTIONS: `suppressions=${join(root, 'test', 'sanitizers', 'thread.supp')}:history_size=4`,
    });
    findsPlantedRace(scratch, env);
    writeFileSync(join(scratch, 'order'), serialize(await orderFor('step')));
    run([join(root, 'test', 'sanitizers', 'threads.mjs'), scratch], env);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
