/** Runs the same case in TRL: starts `peers/trl.py` in a Python environment that has TRL. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { GrpoError } from '../src/common/errors.js';
import { run } from '../src/machine/exec.js';
import { packageRoot } from '../src/machine/paths.js';
import type { Case } from './cases.js';
import { problemsOf } from './problems.js';
import { SHAPES } from './shapes.js';

/** Few steps, since one takes TRL up to minutes. */
const STEPS = 2;
const WARMUP = 1;
/** Packages that are checked for; TRL's other dependencies come with them. */
const PACKAGES = ['torch', 'transformers', 'trl'];

export interface PeerRun {
  versions: Record<string, string>;
  threads: number;
  /** Peak resident memory of the process, bytes. */
  peak_memory: number;
  steps: { seconds: Record<string, number>; tokens: number; completion_tokens: number }[];
}

/**
 * @param adapters whether a case has some, which takes PEFT
 * @throws {GrpoError} PEER_PYTHON, PEER_MISSING, before any work starts
 */
export function checkPeer(python: string, adapters = false): void {
  const script = `
import importlib.util, sys
print(' '.join(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))`;
  const { ok, stdout, stderr } = run(python, ['-c', script, ...PACKAGES, ...(adapters ? ['peft'] : [])]);
  if (!ok)
    throw new GrpoError('PEER_PYTHON', `${python} does not run: ${stderr.trim()}`, {
      fix: 'give --peer-python the path of a Python interpreter, such as .venv/bin/python',
      value: python,
    });
  const missing = stdout.trim();
  if (missing !== '')
    throw new GrpoError('PEER_MISSING', `${python} has no ${missing.replaceAll(' ', ', no ')}`, {
      fix: `install what is missing: ${python} -m pip install ${missing}; or leave --peer-python out`,
      value: python,
    });
}

/**
 * @param folder folder of the checkpoint; undefined: the case's architecture with random weights
 * @param limits `device`: `cpu`, `cuda` or `cuda:N`; `seconds`: TRL is ended after so many
 */
export async function runPeer(
  python: string,
  one: Case,
  folder: string | undefined,
  threads: number,
  { device = 'cpu', seconds }: { device?: string; seconds?: number } = {},
): Promise<PeerRun> {
  const train = await problemsOf(one);
  const input = {
    ...(folder === undefined ? { config: SHAPES[one.model]!.config } : { model: folder }),
    problems: train.map(({ prompt, answer }) => ({ prompt, answer })),
    prompts: one.prompts,
    num_generations: one.num_generations,
    max_completion_length: one.max_completion_length,
    stop: one.peer_stop,
    temperature: 0.7,
    beta: one.beta,
    learning_rate: one.learning_rate,
    dtype: one.dtype,
    lora_r: one.lora_r,
    threads,
    device,
    warmup: Math.min(WARMUP, one.warmup),
    steps: Math.min(STEPS, one.steps),
  };
  const child = spawn(python, [join(packageRoot(), 'bench', 'peers', 'trl.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(seconds !== undefined && { timeout: 1000 * seconds, killSignal: 'SIGKILL' }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // Writing fails where the process ended early; its exit status tells why.
  child.stdin.on('error', () => undefined).end(JSON.stringify(input));
  const status = await new Promise<number | string>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => done(code ?? signal ?? 'nothing'));
  });
  if (status === 0) return JSON.parse(stdout) as PeerRun;
  throw new GrpoError(
    'PEER_FAILED',
    `TRL ended with ${status}: ${stderr.trim().split('\n').slice(-3).join(' ')}`,
    {
      fix: 'see what it says; leave --peer-python out to measure grpo-native alone',
      value: status,
      exitCode: 1,
    },
  );
}
