/** `env.json`: versions, machine and seed of a run, so that it can be repeated. */
import { execFile } from 'node:child_process';
import { arch, cpus, hostname, platform, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { DatasetSource } from '../../data/datasets/source.js';
import type { Ranks } from '../../engine/ranks/ranks.js';
import type { EngineInfo } from '../../engine/types.js';
import type { Change, ForkedFrom } from './changes.js';
import { packageVersion } from '../../machine/paths.js';
import { snakeDeep } from './names.js';

/** Where the first weights of a run come from (`init_from`). */
export interface Lineage {
  /** Model folder that they were read from. */
  path: string;
  /** Step of the run that saved them; absent where its files don't say. */
  step?: number;
  /** The model that this run started from. */
  model?: string;
}

/** Of what a run reads each time it goes on, and has no copy of in its checkpoints. */
export interface Fingerprints {
  /** Of the weights that adapters are for; undefined: all weights learn, or the program brought the model. */
  frozenWeights?: string | undefined;
  /** SHA-256 of the chat template's text; undefined: the problems are no conversations. */
  chatTemplate?: string | undefined;
}

/** Where a run comes from: from another run, from files. */
interface Origin {
  /** Where the first weights come from. */
  lineage?: Lineage | undefined;
  forkedFrom?: ForkedFrom | undefined;
  /** Where its problems come from. */
  dataset?: DatasetSource | undefined;
  fingerprints?: Fingerprints | undefined;
}

/** The processes that train together. */
type Together = Pick<Ranks, 'size' | 'library'>;

/** The environment of a run that begins, or goes on, here and now. */
export async function environment(
  engine: EngineInfo,
  seed: number,
  { lineage, forkedFrom, dataset, fingerprints = {} }: Origin = {},
  ranks?: Together,
): Promise<Record<string, unknown>> {
  const { frozenWeights, chatTemplate } = fingerprints;
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
    ...(ranks && { ranks: ranks.size, mpi: ranks.library }),
    matrix_backend: engine.matrixBackend,
    matrix_gflops: engine.matrixGflops,
    ...(engine.bfloat16 && { bfloat16: snakeDeep(engine.bfloat16) }),
    seed,
    ...(lineage && { init_from: lineage }),
    ...(forkedFrom && { forked_from: forkedFrom }),
    ...(dataset && { dataset }),
    ...(frozenWeights !== undefined && { frozen_weights: frozenWeights }),
    ...(chatTemplate !== undefined && { chat_template: chatTemplate }),
    git_commit: await gitCommit(),
    started: new Date().toISOString(),
  };
}

/** The commit of the current folder; null where that is no git repository. */
async function gitCommit(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { timeout: 5000 });
    return stdout.trim();
  } catch {
    return null;
  }
}

/** A sitting is what one process does of a run, from a start or resume on. This describes one that resumed. */
export interface Sitting {
  from_step: number;
  changed: Change[];
}

/** `env.json` of a resumed run: that of its start, with an entry in `resumed` for each sitting since. */
export function withSitting(
  before: Record<string, unknown> | undefined,
  now: Record<string, unknown>,
  sitting: Sitting,
): Record<string, unknown> {
  if (!before) return now;
  const { started, resumed = [], ...begun } = before;
  const { started: at, ...own } = now;
  // Of a sitting only the values that differ from those of the start are kept, such as another machine or
  // version.
  const other = Object.fromEntries(
    Object.entries(own).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(begun[name])),
  );
  return { ...begun, started, resumed: [...(resumed as unknown[]), { at, ...sitting, ...other }] };
}
