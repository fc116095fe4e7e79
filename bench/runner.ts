/** Runs cases one after another, each in a process of its own, with the machine's limits measured around them. */
import { loadavg } from 'node:os';
import { parameterCount, parseModelConfig, readModelConfig } from '../src/model/config.js';
import { resolveModel } from '../src/model/files.js';
import type { HubOptions } from '../src/model/hub.js';
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
  /** 0: libtorch's own number. */
  threads: number;
  /** An interpreter that has TRL, to do the same work. */
  peerPython: string | null;
  /** For models of the hub. */
  hub?: HubOptions;
  /** Things a person should know that are not errors. */
  onNotice?: (text: string) => void;
  /** What goes on now; `done` of `total` repeats of it. */
  onProgress?: (what: string, done: number, total: number) => void;
  /** A case is done: its report with the best limits until now. */
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
    /** Processes that wanted to run in the minute before: above 0, something else took part of the machine. */
    load_before: number;
  };
  /** The best that was measured before, between and after the cases: FLOP/s and bytes/s. */
  limits: MachineLimits;
  cases: CaseReport[];
}

export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const { cases, threads, peerPython, onProgress, onCase } = options;
  const load = loadavg()[0]!;
  if (peerPython !== null) checkPeer(peerPython);
  // Whatever is missing is found, and fetched, before the first case.
  const folders: (string | undefined)[] = [];
  for (const { model } of cases)
    folders.push(isShape(model) ? undefined : await resolveModel(model, options.hub));

  for (const [i, one] of cases.entries()) await foretellMemory(one, folders[i], options);

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
        // What was measured here is not lost by it.
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

/** Better said than found out from a process that the system ended. */
async function foretellMemory(
  { name, model }: Case,
  folder: string | undefined,
  { onNotice }: BenchOptions,
): Promise<void> {
  const config =
    folder === undefined ? parseModelConfig(SHAPES[model]!.config) : await readModelConfig(folder);
  // Weights, reference, gradients, two moments: five of 4 bytes; in bfloat16 four, the reference of 2 and the copy
  // of the weights that is computed with.
  const needed = parameterCount(config) * 20;
  const { free } = memory();
  if (needed > free)
    onNotice?.(
      `${name}: weights, gradients, moments and the reference take ${bytes(needed)}, and ${bytes(free)} are free; --model smollm2-135m takes less`,
    );
}

/** A process; of a `start` case one for each repeat, those that warm the file cache not counted. */
async function runCase(
  one: Case,
  folder: string | undefined,
  { threads, onProgress }: BenchOptions,
): Promise<CaseRun[]> {
  const start = (onSteps?: (done: number, total: number) => void) =>
    inProcess(one.name, { kind: 'case', case: one, folder, threads, started: Date.now() }, onSteps);
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
