/** Tries to load the addon in a child process, so that a broken binary can't crash this one. */
import { existsSync } from 'node:fs';
import { GrpoError } from '../../common/errors.js';
import { engineThreads } from '../../machine/processor.js';
import type { EngineInfo, EngineOptions } from '../types.js';
import { shadowed } from '../shadowed.js';
import { addonPath } from '../../machine/paths.js';
import { run, type Result } from '../../machine/exec.js';

/** The child's program, for `node -e`. */
const CHILD = `
const { Engine } = require(process.argv[1]);
const engine = new Engine(JSON.parse(process.argv[2]));
engine.info()
  .then((info) => { process.stdout.write(JSON.stringify(info)); return engine.dispose(); })
  .catch((error) => { console.error(error.message); process.exitCode = 1; });
`;

/** The engine's own report on `device`; throws if the addon can't be loaded. */
export function probeAddon(device = 'cpu'): EngineInfo {
  const addon = addonPath();
  if (!existsSync(addon)) {
    throw new GrpoError('ADDON_MISSING', `The addon is not built: ${addon} does not exist`, {
      fix: 'Run: npx grpo-native setup',
    });
  }
  const options: EngineOptions = {
    device,
    dtype: 'float32',
    threads: engineThreads(0),
    matrixBackend: 'auto',
  };
  const result = run(process.execPath, ['-e', CHILD, addon, JSON.stringify(options)], { timeoutMs: 120_000 });
  if (result.ok) {
    try {
      return JSON.parse(result.stdout) as EngineInfo;
    } catch {
      // Falls through: output that isn't JSON means that the child failed.
    }
  }
  throw (
    shadowed(reason(result)) ??
    new GrpoError('ADDON_BROKEN', `The addon does not load: ${reason(result)}`, {
      ...remedy(result),
      exitCode: 1,
    })
  );
}

function reason(result: Result): string {
  if (result.signal !== null) return `the process was ended by ${result.signal}`;
  const lines = result.stderr.split('\n').filter((line) => line.trim() !== '');
  const error = lines.find((line) => /^\w*Error\b|cannot open shared object|undefined symbol/.test(line));
  return error ?? lines[0] ?? `the process ended with status ${result.status ?? 'unknown'}`;
}

/** What to do about each way in which loading can fail. */
function remedy(result: Result): { fix: string } {
  if (result.signal === 'SIGILL') {
    return {
      fix: 'This processor lacks instructions that this libtorch uses: npx grpo-native setup --fetch',
    };
  }
  if (result.signal === 'SIGKILL') {
    return { fix: 'It ran out of time or memory; close other programs and run: npx grpo-native doctor' };
  }
  if (/cannot open shared object|image not found|Library not loaded/.test(result.stderr)) {
    return { fix: 'The libtorch it was built with has moved or gone. Run: npx grpo-native setup' };
  }
  if (/undefined symbol|symbol not found/i.test(result.stderr)) {
    return { fix: 'It was built with another version of libtorch. Run: npx grpo-native setup' };
  }
  return { fix: 'Run: npx grpo-native setup' };
}
