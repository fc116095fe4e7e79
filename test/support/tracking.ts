/** What trackers are told in tests, and a server that answers as a test says. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { DiagnosisEvent } from '../../src/run/diagnosis/events.js';
import type { Metrics } from '../../src/grpo/metrics.js';
import type { Entry, TrackedRun } from '../../src/run/trackers/tracker.js';

export const trackedRun = (changes: Partial<TrackedRun> = {}): TrackedRun => ({
  name: 'a run',
  kind: 'grpo',
  config: { learning_rate: 1e-6, stop: ['\n'], run_name: null },
  facts: { model_type: 'qwen2' },
  folder: undefined,
  startStep: 0,
  memory: {},
  remember: async () => undefined,
  ...changes,
});

export const metricsEntry = (metrics: Metrics, time = 1_700_000_000_000 + metrics.step): Entry => ({
  kind: 'metrics',
  time,
  metrics,
});

export const diagnosisEntry = (changes: Partial<DiagnosisEvent> = {}): Entry => ({
  kind: 'diagnosis',
  time: 1_700_000_000_000,
  event: {
    step: 7,
    diagnosis: 'entropy_collapse',
    title: 'the policy is certain',
    event: 'begins',
    level: 'bad',
    evidence: 'entropy 0.01',
    remedies: ['a higher temperature'],
    metric: 'entropy',
    ...changes,
  },
});

export interface Asked {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown>;
}

/** `[status, body]`; `hang`: no answer; `drop`: the connection is cut. */
export type Answer = [number, unknown] | 'hang' | 'drop';

/** On loopback, closed when the test ends. */
export async function server(answer: (asked: Asked, count: number) => Answer) {
  const asked: Asked[] = [];
  const http: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
      asked.push({ method, path: url, headers, body });
      const said = answer(asked.at(-1)!, asked.length);
      if (said === 'drop') request.socket.destroy();
      else if (said !== 'hang') response.writeHead(said[0]).end(JSON.stringify(said[1]));
    });
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { asked, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

export const signal = (): AbortSignal => new AbortController().signal;
