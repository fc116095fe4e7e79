/** `env.json`: what a run was made with, so that it can be made again. */
import { execFile } from 'node:child_process';
import { arch, cpus, hostname, platform, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { EngineInfo } from '../../engine/types.js';
import type { Change } from './resume.js';
import { packageVersion } from '../../machine/paths.js';

export interface Lineage {
  /** Model folder the weights were read from. */
  path: string;
  /** Step of that run; absent where it doesn't say. */
  step?: number;
  /** That run's own model, or run. */
  model?: string;
}

/** @param lineage whose weights the run started from, where these are another run's */
export async function environment(
  engine: EngineInfo,
  seed: number,
  lineage?: Lineage,
): Promise<Record<string, unknown>> {
  return {
    grpo_native: packageVersion(),
    node: process.version,
    torch: engine.torchVersion,
    machine: {
      host: hostname(),
      platform: platform(),
      release: release(),
      arch: arch(),
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      logical_cores: cpus().length,
      memory: totalmem(),
      cpu_capability: engine.cpuCapability,
    },
    device: engine.device,
    dtype: engine.dtype,
    threads: engine.threads,
    matrix_backend: engine.matrixBackend,
    matrix_gflops: engine.matrixGflops,
    ...(engine.bfloat16Speed !== undefined && { bfloat16_speed: engine.bfloat16Speed }),
    seed,
    ...(lineage && { init_from: lineage }),
    git_commit: await gitCommit(),
    started: new Date().toISOString(),
  };
}

/** Of the folder the run is started in; null where it is no repository. */
async function gitCommit(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { timeout: 5000 });
    return stdout.trim();
  } catch {
    return null;
  }
}

/** A further sitting of a run: when, from where, and what was different. */
export interface Sitting {
  from_step: number;
  changed: Change[];
}

/** `env.json` of a run that goes on: as it was begun, and each sitting since. */
export function withSitting(
  before: Record<string, unknown> | undefined,
  now: Record<string, unknown>,
  sitting: Sitting,
): Record<string, unknown> {
  if (!before) return now;
  const { started, resumed = [], ...begun } = before;
  const { started: at, ...own } = now;
  // Only what is another machine's, or another version's.
  const other = Object.fromEntries(
    Object.entries(own).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(begun[name])),
  );
  return { ...begun, started, resumed: [...(resumed as unknown[]), { at, ...sitting, ...other }] };
}
