/** MLflow and trackio: what is asked of their servers, and what comes of their answers. */
import { describe, expect, it } from 'vitest';
import { requestJson } from '../../../../src/run/trackers/http.js';
import { Mlflow } from '../../../../src/run/trackers/mlflow.js';
import { Trackio } from '../../../../src/run/trackers/trackio.js';
import { PermanentError } from '../../../../src/run/trackers/tracker.js';
import {
  diagnosisEntry,
  metricsEntry,
  server,
  signal,
  trackedRun,
  type Answer,
  type Asked,
} from '../../../support/tracking.js';

const entries = [
  metricsEntry({ step: 0, 'eval/accuracy': 0.25 }),
  metricsEntry({ step: 1, loss: 0.5, 'rewards/my(reward)/mean': 1, kl: Infinity }),
  diagnosisEntry(),
];

/** As a server of MLflow answers, by the last part of the path. */
const answers: Record<string, Answer> = {
  'get-by-name': [404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'no such experiment' }],
  'experiments/create': [200, { experiment_id: '3' }],
  'runs/create': [200, { run: { info: { run_id: 'r1' } } }],
  'runs/update': [200, { run_info: { experiment_id: '3' } }],
  'runs/log-batch': [200, {}],
};
const mlflow =
  (own: Record<string, Answer> = {}) =>
  ({ path }: Asked): Answer =>
    Object.entries({ ...answers, ...own }).find(([part]) => path.includes(part))?.[1] ?? [500, {}];

describe('MLflow', () => {
  it('makes the experiment and the run, and sends parameters, metrics and tags', async () => {
    const { asked, url } = await server(mlflow());
    const memories: object[] = [];
    const run = trackedRun({ folder: '/runs/a', remember: async (memory) => void memories.push(memory) });
    const tracker = new Mlflow(run, {
      MLFLOW_TRACKING_URI: `${url}/`,
      MLFLOW_EXPERIMENT_NAME: 'my & own',
      MLFLOW_TRACKING_USERNAME: 'me',
      MLFLOW_TRACKING_PASSWORD: 'pass',
      MLFLOW_TAGS: '{"team": "a"}',
    });
    expect(await tracker.begin(signal())).toBe(`${url}/#/experiments/3/runs/r1`);
    await tracker.send(entries, signal());
    await tracker.end('finished', signal());
    expect(asked.map(({ path }) => path.replace('/api/2.0/mlflow/', ''))).toEqual([
      'experiments/get-by-name?experiment_name=my%20%26%20own',
      'experiments/create',
      'runs/create',
      'runs/log-batch',
      'runs/log-batch',
      'runs/log-batch',
      'runs/update',
    ]);
    expect(asked[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:pass').toString('base64')}`);
    expect(asked[2]!.body).toMatchObject({ experiment_id: '3', run_name: 'a run' });
    expect(asked[2]!.body.tags).toEqual(
      expect.arrayContaining([
        { key: 'team', value: 'a' },
        { key: 'method', value: 'grpo' },
      ]),
    );
    expect(asked[3]!.body.params).toEqual([
      { key: 'model_type', value: 'qwen2' },
      { key: 'learning_rate', value: '0.000001' },
      { key: 'stop', value: '["\\n"]' },
      { key: 'run_name', value: 'null' },
    ]);
    const time = 1_700_000_000_000;
    expect(asked[4]!.body.metrics).toEqual([
      { key: 'eval_accuracy', value: 0.25, timestamp: time, step: 0 },
      { key: 'loss', value: 0.5, timestamp: time + 1, step: 1 },
      { key: 'rewards/my_reward_/mean', value: 1, timestamp: time + 1, step: 1 },
    ]);
    expect(asked[5]!.body.tags).toEqual([
      { key: 'diagnosis.entropy_collapse', value: 'step 7: bad: the policy is certain: entropy 0.01' },
    ]);
    expect(asked[6]!.body).toMatchObject({ run_id: 'r1', status: 'FINISHED' });
    expect(memories.at(-1)).toEqual({ run_id: 'r1', experiment_id: '3', params: true });
  });

  it('goes on with the run of an earlier sitting, whose parameters are there', async () => {
    const { asked, url } = await server(mlflow());
    const tracker = new Mlflow(trackedRun({ memory: { run_id: 'r0', params: true } }), {
      MLFLOW_TRACKING_URI: url,
      MLFLOW_TRACKING_TOKEN: 'secret',
    });
    await tracker.begin(signal());
    await tracker.end('interrupted', signal());
    expect(asked.map(({ body }) => [body.run_id, body.status])).toEqual([
      ['r0', 'RUNNING'],
      ['r0', 'KILLED'],
    ]);
    expect(asked[0]!.headers.authorization).toBe('Bearer secret');
  });

  it('makes another run where that one is gone', async () => {
    const { asked, url } = await server(mlflow({ 'runs/update': [404, { message: 'gone' }] }));
    const run = trackedRun({ memory: { run_id: 'r0', params: true } });
    await new Mlflow(run, { MLFLOW_TRACKING_URI: url }).begin(signal());
    expect(asked.at(-1)!.body).toMatchObject({ run_id: 'r1', params: expect.anything() as unknown });
  });

  it('makes one run, however often it has to begin', async () => {
    let left = 2;
    const { asked, url } = await server((one) =>
      one.path.endsWith('log-batch') && left-- > 0 ? [503, {}] : mlflow()(one),
    );
    const tracker = new Mlflow(trackedRun(), { MLFLOW_TRACKING_URI: url });
    await expect(tracker.begin(signal())).rejects.toThrow(/answered 503/);
    await expect(tracker.begin(signal())).rejects.toThrow(/answered 503/);
    await tracker.begin(signal());
    expect(asked.filter(({ path }) => path.endsWith('runs/create'))).toHaveLength(1);
  });

  it('sends no more in a request than a server takes', async () => {
    const { asked, url } = await server(mlflow());
    const config = Object.fromEntries(
      Array.from({ length: 250 }, (_, i) => [`option_${i}`, 'x'.repeat(7000)]),
    );
    const tracker = new Mlflow(trackedRun({ config }), { MLFLOW_TRACKING_URI: url });
    await tracker.begin(signal());
    const row = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`rewards/${i}/mean`, i]));
    await tracker.send([metricsEntry({ step: 1, ...row }), metricsEntry({ step: 2, ...row })], signal());
    const sizes = asked.map(({ body: { params = [], metrics = [] } }) => [
      (params as unknown[]).length,
      (metrics as unknown[]).length,
    ]);
    expect(sizes.slice(-5)).toEqual([
      [100, 0],
      [100, 0],
      [51, 0],
      [0, 1000],
      [0, 200],
    ]);
    const values = asked.flatMap(({ body }) => (body.params ?? []) as { value: string }[]);
    expect(Math.max(...values.map(({ value }) => value.length))).toBe(6000);
  });
});

describe('trackio', () => {
  it('sends entries and alerts with ids that make a repeat harmless', async () => {
    const { asked, url } = await server(() => [200, { data: null }]);
    const tracker = new Trackio(trackedRun({ memory: { run_id: 'r0' } }), {
      TRACKIO_SERVER_URL: `${url}?write_token=secret`,
      TRACKIO_PROJECT: 'mine',
    });
    expect(await tracker.begin(signal())).toBe(`${url}/?project=mine`);
    await tracker.send(entries, signal());
    expect(asked.map(({ path }) => path)).toEqual(['/api/bulk_log', '/api/bulk_log', '/api/bulk_alert']);
    expect(asked[0]!.headers['x-trackio-write-token']).toBe('secret');
    expect(asked[1]!.body.logs).toMatchObject([
      {
        project: 'mine',
        run: 'a run',
        run_id: 'r0',
        step: 0,
        log_id: 'r0-0',
        metrics: { 'eval/accuracy': 0.25 },
      },
      {
        step: 1,
        log_id: 'r0-1',
        metrics: { 'train/loss': 0.5, 'train/global_step': 1 },
        config: { stop: ['\n'] },
      },
    ]);
    expect(asked[2]!.body.alerts).toMatchObject([
      { title: 'the policy is certain', level: 'error', step: 7, alert_id: 'r0-entropy_collapse-begins-7' },
    ]);
  });
});

describe('a request', () => {
  const ask = (url: string) => requestJson(url, { body: {}, signal: signal() });

  it.each([400, 401, 403, 404])('is over where the server refuses it with %i', async (status) => {
    const { url } = await server(() => [status, { message: 'no,\n never' }]);
    await expect(ask(`${url}/x`)).rejects.toThrow(
      new PermanentError(`${url}/x answered ${status}: no, never`),
    );
  });

  it.each([408, 429, 500, 502, 503])('may be tried again after %i', async (status) => {
    const { url } = await server(() => [status, 'busy']);
    const error: unknown = await ask(url).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(PermanentError);
  });

  it('may be tried again where the connection is cut', async () => {
    const { url } = await server(() => 'drop');
    await expect(ask(url)).rejects.toThrow(/can't be reached/);
  });
});
