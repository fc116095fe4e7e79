/** Connects a run to its trackers, by its callbacks. Trackers never delay a run or make it fail. */
import { basename, join, resolve } from 'node:path';
import { isObject, parseJson } from '../../common/json.js';
import { writeAtomic } from '../../machine/disk.js';
import { GrpoError } from '../../common/errors.js';
import { evaluationMetrics, validationMetrics } from '../evaluate.js';
import type { TrainCallbacks, TrainPlan, TrainSummary } from '../events.js';
import { readJson } from '../../machine/paths.js';
import { modelName } from '../folder/names.js';
import { Delivery } from './delivery.js';
import { writeToken } from './trackio.js';
import {
  TRACKERS,
  type Ending,
  type Entry,
  type TrackedRun,
  type Tracker,
  type TrackerName,
} from './tracker.js';

/** Values of the option `report_to`. */
export type ReportTo = 'none' | TrackerName | ('none' | TrackerName)[];

type Environment = Record<string, string | undefined>;

/** File in the run folder with the run's id at each tracker, so that a resumed run continues there. */
const MEMORY_FILE = 'trackers.json';

const chosen = (reportTo: ReportTo): TrackerName[] => {
  const names = [reportTo].flat();
  return TRACKERS.filter((name) => names.includes(name));
};

/**
 * Checks that the trackers have what they need, before a run starts.
 * @param saves whether the run has a folder
 * @throws {GrpoError} TRACKER_SETUP
 */
export function checkTrackers(
  reportTo: ReportTo,
  saves: boolean,
  environment: Environment = process.env,
): void {
  for (const name of chosen(reportTo)) {
    const problem = MISSING[name](environment, saves);
    if (problem) throw new GrpoError('TRACKER_SETUP', `report_to ${name}: ${problem.what}`, problem);
  }
}

/** What a tracker lacks, and how to provide it. */
interface Missing {
  what: string;
  fix: string;
}

const MISSING: Record<TrackerName, (environment: Environment, saves: boolean) => Missing | undefined> = {
  tensorboard: ({ TENSORBOARD_LOGGING_DIR: folder }, saves) =>
    saves || folder
      ? undefined
      : {
          what: 'a run without a folder has no place for event files',
          fix: 'set TENSORBOARD_LOGGING_DIR to a folder for them',
        },
  mlflow: ({ MLFLOW_TRACKING_URI: uri, MLFLOW_TAGS: tags }) =>
    !isHttp(uri)
      ? {
          what: uri ? `MLFLOW_TRACKING_URI is ${uri}` : 'MLFLOW_TRACKING_URI is not set',
          fix: 'start a server (mlflow server --port 5000) and set MLFLOW_TRACKING_URI=http://127.0.0.1:5000',
        }
      : !isObject(parseJson(tags ?? '{}'))
        ? { what: 'MLFLOW_TAGS is not a JSON object', fix: 'write it as {"name": "value"}' }
        : undefined,
  wandb: ({ WANDB_DIR: folder }, saves) =>
    saves || folder
      ? undefined
      : {
          what: 'a run without a folder has no place for its offline files',
          fix: 'set WANDB_DIR to a folder for them',
        },
  trackio: (environment) => {
    const { TRACKIO_SERVER_URL: url } = environment;
    if (!isHttp(url))
      return {
        what: url ? `TRACKIO_SERVER_URL is ${url}` : 'TRACKIO_SERVER_URL is not set',
        fix: 'start a server (trackio show) and set TRACKIO_SERVER_URL to the write-access address it prints',
      };
    return writeToken(environment)
      ? undefined
      : {
          what: 'the server needs a write token',
          fix: 'add ?write_token=... to TRACKIO_SERVER_URL, or set TRACKIO_WRITE_TOKEN',
        };
  },
};

const isHttp = (url: string | undefined) =>
  url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url);

/** What `tracked` looks at of a session. */
export interface TrackedSession {
  options: { reportTo: ReportTo; runName: string | null };
  config: Record<string, unknown>;
  plan: TrainPlan;
  run: { path: string } | undefined;
  callbacks: TrainCallbacks;
}

/** Calls `run` with callbacks that also feed the session's trackers, and ends these however `run` ends. */
export async function tracked<S extends TrackedSession>(
  session: S,
  run: (session: S) => Promise<TrainSummary>,
): Promise<TrainSummary> {
  const names = chosen(session.options.reportTo);
  if (names.length === 0) return run(session);
  const { callbacks } = session;
  const deliveries: Delivery[] = [];
  const tell = (entry: Entry) => {
    for (const delivery of deliveries) delivery.add(entry);
  };
  let ending: Ending = 'failed';
  try {
    const summary = await run({
      ...session,
      callbacks: {
        ...callbacks,
        onPlan: async (plan) => {
          await callbacks.onPlan?.(plan);
          deliveries.push(...(await openTrackers(names, session)));
        },
        onStep: async (metrics) => {
          tell({ time: Date.now(), kind: 'metrics', metrics: { ...metrics } });
          await callbacks.onStep?.(metrics);
        },
        onEvaluate: async (step, evaluation) => {
          // Later evaluations are part of the metrics of their step.
          if (step === 0)
            tell({ time: Date.now(), kind: 'metrics', metrics: { step, ...evaluationMetrics(evaluation) } });
          await callbacks.onEvaluate?.(step, evaluation);
        },
        onValidate: async (step, evaluation) => {
          if (step === 0)
            tell({ time: Date.now(), kind: 'metrics', metrics: { step, ...validationMetrics(evaluation) } });
          await callbacks.onValidate?.(step, evaluation);
        },
        onDiagnosis: async (event) => {
          tell({ time: Date.now(), kind: 'diagnosis', event });
          await callbacks.onDiagnosis?.(event);
        },
      },
    });
    ending = summary.interrupted ? 'interrupted' : 'finished';
    return summary;
  } finally {
    await Promise.all(deliveries.map((delivery) => delivery.end(ending)));
  }
}

type Memories = Partial<Record<TrackerName, Record<string, unknown>>>;

async function openTrackers(names: TrackerName[], session: TrackedSession): Promise<Delivery[]> {
  const { plan, config, options, run, callbacks } = session;
  const folder = run && resolve(run.path);
  const file = folder && join(folder, MEMORY_FILE);
  const memories: Memories = (file !== undefined && readJson<Memories>(file)) || {};
  let written = Promise.resolve();
  const { engine } = plan;
  return Promise.all(
    names.map(async (name) => {
      const tracked: TrackedRun = {
        name: options.runName ?? (folder ? basename(folder) : `${modelName(plan.model)}-${plan.task}`),
        kind: plan.kind,
        config,
        facts: {
          model_type: plan.modelType,
          num_parameters: plan.parameters,
          train_problems: plan.trainProblems,
          held_out_problems: plan.heldOutProblems,
          engine_device: engine.device,
          engine_threads: engine.threads,
          torch: engine.torchVersion,
        },
        folder,
        startStep: plan.startStep,
        memory: memories[name] ?? {},
        remember: (memory) => {
          memories[name] = memory;
          const text = `${JSON.stringify(memories, null, 2)}\n`;
          // Writes wait for each other, since all trackers share the file.
          return (written = written
            .catch(() => undefined)
            .then(() => (file ? writeAtomic(file, text) : undefined)));
        },
      };
      return new Delivery(name, await make(name, tracked, process.env), (text) => callbacks.onNotice?.(text));
    }),
  );
}

/** Creates a tracker. Its module is loaded only here, since most runs have no tracker. */
async function make(name: TrackerName, run: TrackedRun, environment: Environment): Promise<Tracker> {
  switch (name) {
    case 'tensorboard': {
      const parent = environment.TENSORBOARD_LOGGING_DIR;
      const { TensorBoard } = await import('./tensorboard.js');
      return new TensorBoard(run, parent ? join(resolve(parent), run.name) : undefined);
    }
    case 'wandb': {
      const { Wandb } = await import('./wandb.js');
      return new Wandb(run, environment);
    }
    case 'mlflow': {
      const { Mlflow } = await import('./mlflow.js');
      return new Mlflow(run, environment);
    }
    case 'trackio': {
      const { Trackio } = await import('./trackio.js');
      return new Trackio(run, environment);
    }
  }
}
