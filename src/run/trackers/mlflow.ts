/** The tracker MLflow, by its REST API (2.0): a run in an experiment, with parameters, tags and metrics. */
import { packageVersion } from '../../machine/paths.js';
import { requestJson } from './http.js';
import { plainNames } from './names.js';
import { PermanentError, type Ending, type Entry, type TrackedRun, type Tracker } from './tracker.js';

/** Environment variables of MLflow's own client that are read here. */
export type MlflowEnvironment = Partial<
  Record<
    | 'MLFLOW_TRACKING_URI'
    | 'MLFLOW_EXPERIMENT_NAME'
    | 'MLFLOW_EXPERIMENT_ID'
    | 'MLFLOW_RUN_ID'
    | 'MLFLOW_TAGS'
    | 'MLFLOW_TRACKING_TOKEN'
    | 'MLFLOW_TRACKING_USERNAME'
    | 'MLFLOW_TRACKING_PASSWORD',
    string
  >
>;

/** Limits of a server for one `log-batch`: numbers of items, and characters of a value and a tag. */
const LIMITS = { metrics: 1000, params: 100, tags: 100, value: 6000, tag: 5000 };

const STATUS: Record<Ending, string> = { finished: 'FINISHED', interrupted: 'KILLED', failed: 'FAILED' };

interface Tag {
  key: string;
  value: string;
}
interface Metric {
  key: string;
  value: number;
  timestamp: number;
  step: number;
}

export class Mlflow implements Tracker {
  readonly pause = 1000;
  // A step has about forty metrics; entries are divided into as many requests as they need.
  readonly most = 200;
  readonly #run: TrackedRun;
  readonly #environment: MlflowEnvironment;
  readonly #server: string;
  readonly #headers: Record<string, string>;
  #experiment: string | undefined;
  #id: string | undefined;

  constructor(run: TrackedRun, environment: MlflowEnvironment) {
    this.#run = run;
    this.#environment = environment;
    const url = new URL(environment.MLFLOW_TRACKING_URI!);
    const user = environment.MLFLOW_TRACKING_USERNAME ?? decodeURIComponent(url.username);
    const password = environment.MLFLOW_TRACKING_PASSWORD ?? decodeURIComponent(url.password);
    const token = environment.MLFLOW_TRACKING_TOKEN;
    url.username = url.password = '';
    this.#server = url.href.replace(/\/+$/, '');
    this.#headers = user
      ? { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
      : token
        ? { authorization: `Bearer ${token}` }
        : {};
    this.#id = environment.MLFLOW_RUN_ID ?? (run.memory.run_id as string | undefined);
  }

  async begin(signal: AbortSignal): Promise<string> {
    const { config, facts, memory } = this.#run;
    const known = this.#id !== undefined && (await this.#takeUp(this.#id, signal));
    if (!known) this.#id = await this.#create(signal);
    // Parameters can't be changed once they are set, as they are in a resumed run.
    if (memory.params !== true) {
      const params = Object.entries({ ...facts, ...config }).map(([key, value]) => ({
        key,
        value: textOf(value).slice(0, LIMITS.value),
      }));
      for (const part of parts(params, LIMITS.params)) await this.#log({ params: part }, signal);
    }
    await this.#run.remember({ run_id: this.#id, experiment_id: this.#experiment, params: true });
    return `${this.#server}/#/experiments/${this.#experiment}/runs/${this.#id}`;
  }

  async send(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const metrics: Metric[] = [];
    // There is one tag for each rule, with its latest event.
    const tags = new Map<string, string>();
    for (const entry of entries) {
      if (entry.kind === 'metrics') {
        const { time, metrics: row } = entry;
        for (const [key, value] of plainNames(row))
          metrics.push({ key, value, timestamp: time, step: row.step });
      } else {
        const { step, diagnosis, title, event, level, evidence } = entry.event;
        const said = event === 'ends' ? `over: ${title}` : `${level}: ${title}: ${evidence}`;
        tags.set(`diagnosis.${diagnosis}`, `step ${step}: ${said}`.slice(0, LIMITS.tag));
      }
    }
    for (const part of parts(metrics, LIMITS.metrics)) await this.#log({ metrics: part }, signal);
    const said = [...tags].map(([key, value]): Tag => ({ key, value }));
    for (const part of parts(said, LIMITS.tags)) await this.#log({ tags: part }, signal);
  }

  async end(ending: Ending, signal: AbortSignal): Promise<undefined> {
    await this.#post(
      'runs/update',
      { run_id: this.#id, status: STATUS[ending], end_time: Date.now() },
      signal,
    );
  }

  /** Continues a run that the server has; gives false where it has it no more. */
  async #takeUp(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { run_info: info } = await this.#post<{ run_info: { experiment_id: string } }>(
        'runs/update',
        { run_id: id, status: 'RUNNING' },
        signal,
      );
      this.#experiment = info.experiment_id;
      return true;
    } catch (error) {
      // A run that was removed at the server is replaced by a new one. A run that the user named must exist.
      if (error instanceof PermanentError && this.#environment.MLFLOW_RUN_ID === undefined) return false;
      throw error;
    }
  }

  async #create(signal: AbortSignal): Promise<string> {
    this.#experiment ??= await this.#findExperiment(signal);
    const { run } = await this.#post<{ run: { info: { run_id: string } } }>(
      'runs/create',
      {
        experiment_id: this.#experiment,
        run_name: this.#run.name,
        start_time: Date.now(),
        tags: this.#tags(),
      },
      signal,
    );
    await this.#run.remember({ run_id: run.info.run_id, experiment_id: this.#experiment });
    this.#run.memory.params = undefined;
    return run.info.run_id;
  }

  async #findExperiment(signal: AbortSignal): Promise<string> {
    const { MLFLOW_EXPERIMENT_ID: id, MLFLOW_EXPERIMENT_NAME: name = 'Default' } = this.#environment;
    if (id !== undefined) return id;
    try {
      const { experiment } = await requestJson<{ experiment: { experiment_id: string } }>(
        `${this.#url('experiments/get-by-name')}?experiment_name=${encodeURIComponent(name)}`,
        { method: 'GET', headers: this.#headers, signal },
      );
      return experiment.experiment_id;
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      const { experiment_id: created } = await this.#post<{ experiment_id: string }>(
        'experiments/create',
        { name },
        signal,
      );
      return created;
    }
  }

  #tags(): Tag[] {
    const { kind, folder } = this.#run;
    const own = JSON.parse(this.#environment.MLFLOW_TAGS ?? '{}') as Record<string, unknown>;
    const tags = {
      'mlflow.source.name': 'grpo-native',
      'mlflow.source.type': 'LOCAL',
      method: kind,
      grpo_native: packageVersion(),
      ...(folder !== undefined && { run_folder: folder }),
      ...own,
    };
    return Object.entries(tags).map(([key, value]) => ({ key, value: textOf(value) }));
  }

  #log(what: { metrics?: Metric[]; params?: Tag[]; tags?: Tag[] }, signal: AbortSignal): Promise<unknown> {
    return this.#post('runs/log-batch', { run_id: this.#id, ...what }, signal);
  }

  #post<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
    return requestJson<T>(this.#url(path), { body, headers: this.#headers, signal });
  }

  #url(path: string): string {
    return `${this.#server}/api/2.0/mlflow/${path}`;
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function* parts<T>(all: readonly T[], most: number): Generator<T[]> {
  for (let from = 0; from < all.length; from += most) yield all.slice(from, from + most);
}
