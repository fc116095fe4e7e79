/**
 * `npm run check:package [-- TARBALL]`: packs the package and checks its `exports`, files and types as Node, bundlers
 * and TypeScript read them (publint, attw). Needs no network.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/machine/paths.js';
import bringDistUpToDate from '../test/setup/dist.js';

const root = packageRoot();

/** Packs the package with the existing `dist/`; returns the tarball's path. */
function pack(folder: string): string {
  bringDistUpToDate();
  run('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', folder);
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  );
}

function run(program: string, ...args: string[]): void {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

const bin = (name: string) => join(root, 'node_modules', '.bin', name);

const folder = mkdtempSync(join(tmpdir(), 'grpo-native-package-'));
try {
  const tarball = process.argv[2] ?? pack(folder);
  run(bin('publint'), 'run', tarball, '--strict');
  run(bin('attw'), tarball, '--no-definitely-typed', '--format', 'ascii', '--no-emoji');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
