/** Runs with trackers, on the model of `fake-model.ts`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkTrackers } from '../../../../src/run/trackers/tracked.js';
import { temporaryFolder } from '../../../support/fixtures.js';
import { at, readTfRecords, text } from '../../../support/records.js';
import { server, type Asked } from '../../../support/tracking.js';
import { interrupt, lines, rows, run } from '../../../support/trainer.js';

afterEach(() => void vi.unstubAllEnvs());

/** A server of MLflow that has no trouble. */
const answer = ({ path }: Asked): [number, unknown] => {
  if (path.includes('get-by-name')) return [200, { experiment: { experiment_id: '1' } }];
  if (path.endsWith('runs/create')) return [200, { run: { info: { run_id: 'r1' } } }];
  return [200, { run_info: { experiment_id: '1' } }];
};

/** `[step, value]` of what was sent under a name. */
const sent = (asked: Asked[], name: string) =>
  asked
    .flatMap(({ body }) => (body.metrics ?? []) as { key: string; step: number; value: number }[])
    .filter(({ key }) => key === name)
    .map(({ step, value }) => [step, value]);

describe('a tracked run', () => {
  it('sends what metrics.jsonl has, each step once', async () => {
    const { asked, url } = await server(answer);
    vi.stubEnv('MLFLOW_TRACKING_URI', url);
    const outputDir = join(temporaryFolder(), 'run');
    const notices: string[] = [];
    await run(
      { outputDir, reportTo: 'mlflow', runName: 'my run' },
      { onNotice: (text) => notices.push(text) },
    );
    const metrics = lines(outputDir, 'metrics.jsonl').filter(
      (row) => !('checkpoint' in row) && !('diagnosis' in row),
    );
    const having = (name: string) => metrics.filter((row) => name in row).map((row) => [row.step, row[name]]);
    expect(sent(asked, 'reward')).toEqual(having('reward'));
    expect(sent(asked, 'eval_accuracy')).toEqual(having('eval/accuracy'));
    expect(having('eval/accuracy')).toHaveLength(4);
    expect(asked.find(({ path }) => path.endsWith('runs/create'))!.body.run_name).toBe('my run');
    expect(asked.at(-1)!.body.status).toBe('FINISHED');
    expect(notices).toEqual([`mlflow: ${url}/#/experiments/1/runs/r1`]);
  });

  it('goes on under the same id when it is resumed, and is ended as it ended', async () => {
    const { asked, url } = await server(answer);
    vi.stubEnv('MLFLOW_TRACKING_URI', url);
    const outputDir = join(temporaryFolder(), 'run');
    await interrupt(outputDir, 3, { reportTo: ['mlflow', 'tensorboard', 'wandb'] });
    const ids = JSON.parse(readFileSync(join(outputDir, 'trackers.json'), 'utf8')) as Record<string, object>;
    await run({ outputDir, reportTo: ['mlflow', 'tensorboard', 'wandb'], resume: true });
    expect(JSON.parse(readFileSync(join(outputDir, 'trackers.json'), 'utf8'))).toEqual(ids);
    expect(asked.filter(({ path }) => path.endsWith('runs/create'))).toHaveLength(1);
    expect(asked.filter(({ path }) => path.endsWith('runs/update')).map(({ body }) => body.status)).toEqual([
      'KILLED',
      'RUNNING',
      'FINISHED',
    ]);
    expect(sent(asked, 'loss').map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(readdirSync(join(outputDir, 'wandb'))).toHaveLength(2);
    const files = readdirSync(join(outputDir, 'runs')).sort();
    expect(files).toHaveLength(2);
    const starts = files.map((name) => {
      const events = readTfRecords(readFileSync(join(outputDir, 'runs', name)));
      return at(
        events.find((event) => event.has(7))!,
        2,
      );
    });
    expect(starts.sort()).toEqual([0, 4]);
  });

  it('is the same run beside a server that only fails', async () => {
    const { url } = await server((_, count) => (count % 2 === 0 ? 'drop' : [500, {}]));
    vi.stubEnv('MLFLOW_TRACKING_URI', url);
    const folder = temporaryFolder();
    const plain = join(folder, 'plain');
    const tracked = join(folder, 'tracked');
    const notices: string[] = [];
    await run({ outputDir: plain });
    await run({ outputDir: tracked, reportTo: 'mlflow' }, { onNotice: (text) => notices.push(text) });
    expect(rows(tracked)).toEqual(rows(plain));
    expect(notices).toHaveLength(2);
    expect(notices[0]).toMatch(/^mlflow: .*500.*; the run goes on, and it is tried again$/);
    expect(notices[1]).toMatch(/^mlflow: (\d+) of \1 entries were not delivered/);
  }, 30_000);

  it('is the same run where the place of its files is no folder', async () => {
    const folder = temporaryFolder();
    vi.stubEnv('TENSORBOARD_LOGGING_DIR', '/dev/null/events');
    const notices: string[] = [];
    const summary = await run(
      { outputDir: join(folder, 'run'), reportTo: 'tensorboard' },
      { onNotice: (text) => notices.push(text) },
    );
    expect(summary.steps).toBe(6);
    expect(notices.map((text) => text.split(':')[0])).toEqual(['tensorboard', 'tensorboard']);
  }, 30_000);

  it('leaves nothing where nobody is to be told', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ outputDir });
    for (const name of ['trackers.json', 'runs', 'wandb'])
      expect(existsSync(join(outputDir, name))).toBe(false);
  });

  it('takes TENSORBOARD_LOGGING_DIR, a folder a run', async () => {
    const folder = temporaryFolder();
    vi.stubEnv('TENSORBOARD_LOGGING_DIR', folder);
    await run({ reportTo: 'tensorboard', runName: 'named' }, { save: false });
    const [name] = readdirSync(join(folder, 'named'));
    const events = readTfRecords(readFileSync(join(folder, 'named', name!)));
    expect(text(at(events[0]!, 3))).toBe('brain.Event:2');
  });
});

describe('what trackers need', () => {
  const server = 'http://127.0.0.1:1';
  it.each([
    ['tensorboard', {}, false, /no place/],
    ['wandb', {}, false, /no place/],
    ['mlflow', {}, true, /MLFLOW_TRACKING_URI is not set/],
    ['mlflow', { MLFLOW_TRACKING_URI: './mlruns' }, true, /MLFLOW_TRACKING_URI is .\/mlruns/],
    ['mlflow', { MLFLOW_TRACKING_URI: server, MLFLOW_TAGS: '[1]' }, true, /MLFLOW_TAGS/],
    ['trackio', {}, true, /TRACKIO_SERVER_URL is not set/],
    ['trackio', { TRACKIO_SERVER_URL: server }, true, /write token/],
  ] as const)('is said before anything is done: %s %o', (name, environment, saves, message) => {
    expect(() => checkTrackers(name, saves, environment)).toThrow(message);
  });

  it.each([
    ['none', {}, false],
    ['tensorboard', {}, true],
    ['tensorboard', { TENSORBOARD_LOGGING_DIR: '/x' }, false],
    ['mlflow', { MLFLOW_TRACKING_URI: server, MLFLOW_TAGS: '{}' }, false],
    ['trackio', { TRACKIO_SERVER_URL: `${server}?write_token=x` }, false],
    ['trackio', { TRACKIO_SERVER_URL: server, TRACKIO_WRITE_TOKEN: 'x' }, false],
  ] as const)('is there: %s %o', (name, environment, saves) => {
    expect(() => checkTrackers(name, saves, environment)).not.toThrow();
  });

  it('is asked for before the run begins', async () => {
    vi.stubEnv('MLFLOW_TRACKING_URI', undefined);
    const outputDir = join(temporaryFolder(), 'run');
    await expect(run({ outputDir, reportTo: 'mlflow' })).rejects.toMatchObject({ code: 'TRACKER_SETUP' });
    expect(existsSync(outputDir)).toBe(false);
  });
});
