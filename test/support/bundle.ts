/** The bundle, and a machine that has little of what it was made with. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { which } from '../../src/machine/exec.js';
import { packageRoot } from '../../src/machine/paths.js';

/** What a shell script and the bundle's own need. */
export const SHELL = ['sh', 'readlink', 'dirname'];
/** What a build needs, and a compiler calls. */
export const BUILD_TOOLS = ['g++', 'as', 'ld', 'cmake', 'make'];

/** Makes the bundle of the existing `dist/` in `folder`; returns its file. */
export function makeBundle(folder: string): string {
  const root = packageRoot();
  must('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], root);
  const tarball = join(folder, fileWith(folder, '.tgz'));
  must(process.execPath, ['--import', 'tsx', 'scripts/bundle.ts', tarball, '--out', folder], root);
  return join(folder, fileWith(folder, '.tar.gz'));
}

/** Unpacks a bundle as its user does; returns the folder that comes of it. */
export function unpack(file: string, folder: string): string {
  must('tar', ['xf', file], folder);
  return join(folder, 'grpo-native');
}

/**
 * The environment of a machine with these programs alone, and an empty home, both made in `folder`.
 * @param packages where its python3 finds packages; without it there is no python3
 */
export function bareMachine(folder: string, programs: string[], packages?: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  const home = join(folder, 'home');
  mkdirSync(bin, { recursive: true });
  mkdirSync(home);
  for (const program of programs) symlinkSync(which(program)!, join(bin, program));
  if (packages !== undefined) {
    // Not the one on the PATH, which may be a script of pyenv.
    const python = must('python3', ['-c', 'import sys; print(sys.executable)'], folder).trim();
    const script = `#!/bin/sh\nPYTHONPATH='${packages}' exec '${python}' "$@"\n`;
    writeFileSync(join(bin, 'python3'), script, { mode: 0o755 });
  }
  return { PATH: bin, HOME: home };
}

function fileWith(folder: string, end: string): string {
  return readdirSync(folder).find((name) => name.endsWith(end))!;
}

/** Runs a program that may not fail; returns its standard output. */
function must(program: string, args: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
