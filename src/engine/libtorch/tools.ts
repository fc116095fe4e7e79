/** The programs needed to build the addon, and how to install them. */
import { existsSync } from 'node:fs';
import { GrpoError } from '../../common/errors.js';
import { run, which } from '../../machine/exec.js';

/** One program that a build needs. */
export interface Tool {
  name: string;
  path: string | null;
  version: string | null;
  /** Null if it is there and new enough. */
  problem: GrpoError | null;
}

const OLDEST_CMAKE = '3.18';
/** The first major versions with the parts of C++20 that are used. */
const OLDEST_GCC = 10;
const OLDEST_CLANG = 12;

/** The C++ compiler, CMake, and make or ninja, which CMake drives. */
export function buildTools(): Tool[] {
  return [compiler(), cmake(), maker()];
}

/** Throws for the first tool that is missing or too old. */
export function requireBuildTools(): void {
  const problem = buildTools().find((tool) => tool.problem !== null)?.problem;
  if (problem) throw problem;
}

function compiler(): Tool {
  // cmake-js requires one of the last two, whichever compiler CMake chooses.
  const path = firstOf([process.env.CXX, 'g++', 'clang++']);
  const text = path === null ? '' : run(path, ['--version']).stdout;
  const version = /\b(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? null;
  const oldest = text.includes('clang') ? OLDEST_CLANG : OLDEST_GCC;
  const tooOld = version !== null && Number.parseInt(version) < oldest;
  return tool('C++ compiler', path, version, 'COMPILER', tooOld ? `needs at least version ${oldest}` : null);
}

function cmake(): Tool {
  const path = which('cmake');
  const version = path === null ? null : (/version (\S+)/.exec(run(path, ['--version']).stdout)?.[1] ?? null);
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const tooOld = version !== null && (major < 3 || (major === 3 && minor < 18));
  return tool('CMake', path, version, 'CMAKE', tooOld ? `needs at least version ${OLDEST_CMAKE}` : null);
}

function maker(): Tool {
  const path = firstOf(['ninja', 'make']);
  const version = path === null ? null : (/(\d+(\.\d+)+)/.exec(run(path, ['--version']).stdout)?.[1] ?? null);
  return tool('make or ninja', path, version, 'MAKE', null);
}

function firstOf(names: (string | undefined)[]): string | null {
  for (const name of names) {
    const path = name ? which(name) : null;
    if (path !== null) return path;
  }
  return null;
}

function tool(
  name: string,
  path: string | null,
  version: string | null,
  code: string,
  complaint: string | null,
): Tool {
  const fix = `Install with: ${installLine()}`;
  let problem: GrpoError | null = null;
  if (path === null) {
    problem = new GrpoError(`${code}_MISSING`, `No ${name} on the PATH; the addon is built here`, { fix });
  } else if (complaint !== null) {
    const message = `${path} ${version ?? ''} ${complaint}`;
    problem = new GrpoError(`${code}_VERSION`, message, { fix, value: version });
  }
  return { name, path, version, problem };
}

/** The command that installs everything a build needs, with this machine's package manager. */
export function installLine(): string {
  if (process.platform === 'darwin') return 'xcode-select --install; brew install cmake python';
  if (existsSync('/usr/bin/apt-get')) return 'sudo apt-get install g++ make cmake python3 python3-venv';
  if (existsSync('/usr/bin/dnf')) return 'sudo dnf install gcc-c++ make cmake python3';
  return 'your package manager: a C++ compiler, make, CMake and python3 (with venv and pip)';
}
