/** Queries a Python interpreter without importing torch, which would take seconds. */
import { run, which } from '../../machine/exec.js';

const FIND_TORCH = `
import importlib.util, sys
sys.path = [p for p in sys.path if p]  # not the folder we happen to stand in
spec = importlib.util.find_spec('torch')
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else '')
`;

/** Folder of this interpreter's torch package, or null. */
export function torchOf(python: string): string | null {
  const result = run(python, ['-c', FIND_TORCH], { timeoutMs: 10_000 });
  const path = result.stdout.trim();
  return result.ok && path !== '' ? path : null;
}

/** The python3 on the PATH, or null. */
export function python3(): string | null {
  return which('python3');
}

/** Its version, such as `3.11.7`; null if it does not run, as the stubs of Windows or pyenv don't. */
export function pythonVersion(python: string): string | null {
  return /Python (\d+\.\d+\.\d+)/.exec(run(python, ['--version']).stdout)?.[1] ?? null;
}

/** Whether it can create virtual environments with pip; on Debian that needs a separate package. */
export function hasVenv(python: string): boolean {
  return run(python, ['-c', 'import venv, ensurepip']).ok;
}
