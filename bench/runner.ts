/** Runs cases one after another, each in a process of its own, and measures the machine's limits before and after each. */
import { loadavg } from 'node:os';
import { parameterCount, parseModelConfig, readModelConfig } from '../src/model/config.js';
import { resolveModel } from '../src/model/files.js';
import type { DownloadOptions } from '../src/hub/download.js';
import { processor } from '../src/machine/processor.js';
import { memory } from '../src/machine/memory.js';
import type { MachineLimits } from '../src/engine/types.js';
import { packageVersion } from '../src/machine/paths.js';
import { bytes } from '../src/common/format.js';
import { isShape, type Case } from './cases.js';
import type { CaseRun } from './job.js';
import { checkPeer, runPeer, type PeerRun } from './peer.js';
import { inProcess } from './processes.js';
import { reportCase, type CaseReport } from './report.js';
import { bestLimits } from './roofline.js';
import { SHAPES } from './shapes.js';

export interface BenchOptions {
  cases: Case[];
  /** 0: libtorch's default. */
  threads: number;
  /** A Python interpreter with TRL, in which the cases are repeated; null: none. */
  peerPython: string | null;
  /** How models of the Hugging Face hub are downloaded. */
  hub?: DownloadOptions;
  /** Called with notices, which are no errors. */
  onNotice?: (text: string) => void;
  /** Called as repeats of a measurement are done. */
  onProgress?: (what: string, done: number, total: number) => void;
  /** Called when a case is done, with the highest limits measured so far. */
  onCase?: (report: CaseReport, limits: MachineLimits) => void;
}

export interface BenchReport {
  grpo_native: string;
  torch: string;
  machine: {
    processor: string;
    physical_cores: number;
    features: string[];
    memory: number;
    /** Load average of the minute before the start: clearly above 0 if something else was running. */
    load_before: number;
  };
  /** The highest rates measured before, between and after the cases: FLOP/s and bytes/s. */
  limits: MachineLimits;
  cases: CaseReport[];
}

export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const { cases, threads, peerPython, onProgress, onCase } = options;
  const load = loadavg()[0]!;
  if (peerPython !== null)
    checkPeer(
      peerPython,
      cases.some(({ lora_r: r }) => r !== null),
    );
  // Models are downloaded, and missing ones reported, before the first case.
  const folders: (string | undefined)[] = [];
  for (const { model } of cases)
    folders.push(isShape(model) ? undefined : await resolveModel(model, options.hub));

  for (const [i, one] of cases.entries()) await warnIfTooLarge(one, folders[i], options);

  const measured: MachineLimits[] = [];
  const measureLimits = async () => {
    onProgress?.("the machine's limits", 0, 1);
    measured.push((await inProcess('the limits', { kind: 'limits', threads })).limits);
  };
  await measureLimits();
  const done: { one: Case; runs: CaseRun[]; peer: PeerRun | undefined }[] = [];
  const report = ({ one, runs, peer }: (typeof done)[number]) =>
    reportCase(one, runs, bestLimits(measured), peer);
  for (const [i, one] of cases.entries()) {
    const runs = await runCase(one, folders[i], options);
    await measureLimits();
    let peer: PeerRun | undefined;
    if (peerPython !== null && one.kind === 'step') {
      onProgress?.(`${one.name} in TRL`, 0, 1);
      try {
        peer = await runPeer(peerPython, one, folders[i], threads);
      } catch (error) {
        // TRL failed: what was measured of this case is reported all the same.
        onCase?.(report({ one, runs, peer }), bestLimits(measured));
        throw error;
      }
    }
    done.push({ one, runs, peer });
    onCase?.(report(done.at(-1)!), bestLimits(measured));
  }
  const { model, physicalCores, features } = processor();
  return {
    grpo_native: packageVersion(),
    torch: done[0]!.runs[0]!.engine.torchVersion,
    machine: {
      processor: model,
      physical_cores: physicalCores,
      features,
      memory: memory().total,
      load_before: load,
    },
    limits: bestLimits(measured),
    cases: done.map(report),
  };
}

/** Warns if a case may not fit into memory, before the system kills its process for it. */
async function warnIfTooLarge(
  { name, model, lora_r: r }: Case,
  folder: string | undefined,
  { onNotice }: BenchOptions,
): Promise<void> {
  const config =
    folder === undefined ? parseModelConfig(SHAPES[model]!.config) : await readModelConfig(folder);
  // Bytes per parameter: weights, reference, gradients and two moments, 4 each. In bfloat16 it is as much: the
  // reference takes 2, and the bfloat16 copy of the weights 2. With adapters there are the frozen weights alone.
  const needed = parameterCount(config) * (r === null ? 20 : 2);
  const { free } = memory();
  if (needed > free)
    onNotice?.(
      `${name}: weights, gradients, moments and the reference take ${bytes(needed)}, and ${bytes(free)} are free; --model smollm2-135m takes less`,
    );
}

/** Runs a case in one process, a `start` case in one per repeat; results of warm-up repeats are dropped. */
async function runCase(
  one: Case,
  folder: string | undefined,
  { threads, onProgress }: BenchOptions,
): Promise<CaseRun[]> {
  const start = (onSteps?: (done: number, total: number) => void) =>
    inProcess(
      one.name,
      { kind: 'case', case: one, folder, device: 'cpu', threads, started: Date.now() },
      onSteps,
    );
  if (one.kind === 'step') return [(await start((done, total) => onProgress?.(one.name, done, total))).run];
  const runs: CaseRun[] = [];
  const total = one.warmup + one.steps;
  for (let i = 0; i < total; i++) {
    onProgress?.(one.name, i, total);
    const { run } = await start();
    if (i >= one.warmup) runs.push(run);
  }
  return runs;
}
