/**
 * The tracker trackio, by the HTTP API of its server (`trackio show`); only Python can use its local
 * database.
 */
import { randomUUID } from 'node:crypto';
import { requestJson } from './http.js';
import { dashboardNames } from './names.js';
import type { Entry, TrackedRun, Tracker } from './tracker.js';
import type { Level } from '../diagnosis/events.js';

/** Environment variables of trackio's own client; `TRACKIO_PROJECT` is that of transformers. */
export type TrackioEnvironment = Partial<
  Record<'TRACKIO_SERVER_URL' | 'TRACKIO_WRITE_TOKEN' | 'TRACKIO_PROJECT', string>
>;

const LEVELS: Record<Level, string> = { note: 'info', warning: 'warn', bad: 'error' };

export class Trackio implements Tracker {
  readonly pause = 1000;
  readonly most = 500;
  readonly #run: TrackedRun;
  readonly #server: string;
  readonly #headers: Record<string, string>;
  readonly #project: string;
  #id: string;

  constructor(run: TrackedRun, environment: TrackioEnvironment) {
    this.#run = run;
    const url = new URL(environment.TRACKIO_SERVER_URL!);
    this.#headers = { 'x-trackio-write-token': writeToken(environment) ?? '' };
    url.search = '';
    this.#server = url.href.replace(/\/+$/, '');
    this.#project = environment.TRACKIO_PROJECT ?? 'huggingface';
    this.#id = (run.memory.run_id as string | undefined) ?? randomUUID().replaceAll('-', '');
  }

  async begin(signal: AbortSignal): Promise<string> {
    // A run begins with its first entry. This request only checks that the server accepts entries.
    await this.#post('bulk_log', { logs: [] }, signal);
    await this.#run.remember({ run_id: this.#id });
    return `${this.#server}/?project=${encodeURIComponent(this.#project)}`;
  }

  async send(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const run = { project: this.#project, run: this.#run.name, run_id: this.#id };
    const config = { ...this.#run.facts, ...this.#run.config, _Created: new Date().toISOString() };
    const logs = entries.flatMap((entry) =>
      entry.kind === 'metrics'
        ? {
            ...run,
            step: entry.metrics.step,
            metrics: {
              ...Object.fromEntries(dashboardNames(entry.metrics)),
              'train/global_step': entry.metrics.step,
            },
            config,
            // The server ignores a second entry with the same id, so that a retry adds no duplicate.
            log_id: `${this.#id}-${entry.metrics.step}`,
          }
        : [],
    );
    const alerts = entries.flatMap((entry) => {
      if (entry.kind === 'metrics') return [];
      const { step, diagnosis, title, event, level, evidence, remedies } = entry.event;
      const over = event === 'ends';
      return {
        ...run,
        step,
        title: over ? `over: ${title}` : title,
        text: over ? '' : `${evidence}. Try: ${remedies.join('; or ')}`,
        level: over ? 'info' : LEVELS[level],
        timestamp: new Date(entry.time).toISOString(),
        alert_id: `${this.#id}-${diagnosis}-${event}-${step}`,
      };
    });
    if (logs.length > 0) await this.#post('bulk_log', { logs }, signal);
    if (alerts.length > 0) await this.#post('bulk_alert', { alerts }, signal);
  }

  async end(): Promise<undefined> {}

  #post(name: string, body: object, signal: AbortSignal): Promise<unknown> {
    return requestJson(`${this.#server}/api/${name}`, {
      body: { ...body, hf_token: null },
      headers: this.#headers,
      signal,
    });
  }
}

/** The write token: from the address that `trackio show` prints, or from its own variable. */
export const writeToken = ({ TRACKIO_SERVER_URL, TRACKIO_WRITE_TOKEN }: TrackioEnvironment) =>
  new URL(TRACKIO_SERVER_URL!).searchParams.get('write_token') ?? TRACKIO_WRITE_TOKEN;
