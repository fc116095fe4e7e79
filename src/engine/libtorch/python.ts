/** Asks a Python interpreter things, without importing torch (that takes seconds). */
import { run, which } from '../../machine/exec.js';

const FIND_TORCH = `
import importlib.util, sys
sys.path = [p for p in sys.path if p]  # not the folder we happen to stand in
spec = importlib.util.find_spec('torch')
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else '')
`;

/** Where this interpreter's torch lies, or null. */
export function torchOf(python: string): string | null {
  const result = run(python, ['-c', FIND_TORCH], { timeoutMs: 10_000 });
  const path = result.stdout.trim();
  return result.ok && path !== '' ? path : null;
}

/** The python3 on the PATH, or null. */
export function python3(): string | null {
  return which('python3');
}

/** `3.11.7`, or null where it does not run (a Windows or pyenv stub, say). */
export function pythonVersion(python: string): string | null {
  return /Python (\d+\.\d+\.\d+)/.exec(run(python, ['--version']).stdout)?.[1] ?? null;
}

/** Whether it can make virtual environments with pip in them; Debian packs that apart. */
export function hasVenv(python: string): boolean {
  return run(python, ['-c', 'import venv, ensurepip']).ok;
}
