/**
 * `npm run test:asan [-- test files]` runs the native tests with AddressSanitizer, `npm run test:tsan` runs
 * test/sanitizers/threads.mjs with ThreadSanitizer. docs/reliability.md says what they cover and what they found.
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

/** Node is built without the sanitizer, so the sanitizer's runtime must be loaded before everything else. */
function environment(runtime: string, env: Record<string, string>): NodeJS.ProcessEnv {
  const preload = execFileSync('g++', [`-print-file-name=${runtime}`], { encoding: 'utf8' }).trim();
  return { ...process.env, ...env, LD_PRELOAD: preload };
}

function run(args: string[], env: NodeJS.ProcessEnv): void {
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1;
}

/** Checks that ThreadSanitizer reports a race that is planted: only then does silence mean anything. */
function findsPlantedRace(scratch: string, env: NodeJS.ProcessEnv): void {
  const library = join(scratch, 'planted-race.so');
  const source = join(root, 'test', 'sanitizers', 'planted-race.cpp');
  execFileSync('g++', ['-std=c++17', '-shared', '-fPIC', '-g', '-fsanitize=thread', source, '-o', library]);
  // The library isn't a Node addon. Node throws for that only after loading it, when the race has happened.
  const load = `try { process.dlopen({ exports: {} }, ${JSON.stringify(library)}); } catch {}`;
  const { stderr } = spawnSync(process.execPath, ['-e', load], { env, encoding: 'utf8' });
  if (!/data race[^]*planted-race\.cpp/.test(stderr))
    throw new Error(`ThreadSanitizer did not report the planted race: ${stderr}`);
  process.stderr.write('the planted race was found\n');
}

await build();
if (kind === 'address') {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  // Instrumented code takes several times as long.
  const env = environment('libasan.so', {
    // No leak detection: Node and libtorch keep memory until the process ends, which would all be reported.
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
