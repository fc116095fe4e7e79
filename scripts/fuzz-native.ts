/**
 * `npm run fuzz:native [-- --seconds 600]`: builds the fuzzer of native/io in build/fuzz and runs it. Needs clang and
 * libFuzzer (Debian's clang and libclang-rt-dev). Inputs that fail are left in build/fuzz.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findLibtorch } from '../src/engine/libtorch/find.js';
import { packageRoot } from '../src/machine/paths.js';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } });
const folder = join(packageRoot(), 'build', 'fuzz');
const corpus = join(folder, 'corpus');
/** Inputs that failed once: every run begins with them. */
const kept = join(packageRoot(), 'test', 'fixtures', 'hostile', 'tensor-file');
mkdirSync(corpus, { recursive: true });

function run(command: string, args: string[], cwd = folder): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) throw new Error(`${command} cannot be run: install it (${error.message})`);
  if (status !== 0) process.exit(status ?? 1);
}

const { libtorch } = findLibtorch();
run('cmake', [
  ...['-S', packageRoot(), '-B', folder, '-DGRPO_FUZZ=ON', '-DCMAKE_BUILD_TYPE=None'],
  ...['-DCMAKE_CXX_COMPILER=clang++', `-DLIBTORCH=${libtorch.path}`],
]);
run('cmake', ['--build', folder, '--target', 'fuzz_tensor_file']);
// libtorch's allocations that live until the process ends would be reported as leaks.
run(join(folder, 'fuzz_tensor_file'), [
  ...['-detect_leaks=0', '-max_len=1024', `-max_total_time=${values.seconds}`, '-print_final_stats=1'],
  ...[corpus, kept],
]);
