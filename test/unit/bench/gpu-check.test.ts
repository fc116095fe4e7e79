/** What `doctor --gpu` keeps where a part fails, crashes, hangs or finds no time, and the tables made of it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Difference } from '../../../bench/gpu/differences.js';
import {
  Check,
  type Figure,
  type GpuReport,
  type PartHead,
  type PartResult,
} from '../../../bench/gpu/part.js';
import { LOG_FILE, REPORT_FILE, runGpuCheck, TABLE_FILE } from '../../../bench/gpu/runner.js';
import { markdown, verdict } from '../../../bench/gpu/table.js';

const ENTRY = fileURLToPath(new URL('../../support/processes/parts.mjs', import.meta.url));

const part = (name: string, more: Partial<PartHead> = {}): PartHead => ({
  name,
  title: `it ${name}`,
  kind: 'check',
  seconds: 30,
  ...more,
});

/** Runs parts whose names say what they do; also gives what was on the disk after each. */
async function runParts(parts: PartHead[], minutes = 5) {
  const out = mkdtempSync(join(tmpdir(), 'gpu-check-'));
  onTestFinished(() => rmSync(out, { recursive: true, force: true }));
  const onDisk: GpuReport[] = [];
  const read = () => JSON.parse(readFileSync(join(out, REPORT_FILE), 'utf8')) as GpuReport;
  const onPart = () => void onDisk.push(read());
  const report = await runGpuCheck({ device: 'cpu', out, minutes, onPart }, parts, ENTRY);
  expect(read()).toEqual(report);
  expect(readFileSync(join(out, TABLE_FILE), 'utf8')).toBe(markdown(report));
  return { report, onDisk };
}

const statuses = ({ parts }: GpuReport) => parts.map(({ status }) => status);
const processes = ({ parts }: GpuReport) => parts.map(({ figures }) => figures[0]!.value);

describe('parts', () => {
  it('pass, in one process', async () => {
    const { report, onDisk } = await runParts([part('passes'), part('passes too'), part('passes as well')]);
    expect(statuses(report)).toEqual(['passed', 'passed', 'passed']);
    expect(new Set(processes(report)).size).toBe(1);
    expect(report.passed).toBe(true);
    expect(onDisk.map(statuses)).toEqual([['passed'], ['passed', 'passed'], ['passed', 'passed', 'passed']]);
    expect(onDisk.map(({ passed }) => passed)).toEqual([false, false, true]);
  });

  it('have a fresh process where they ask for one', async () => {
    const { report } = await runParts([
      part('passes'),
      part('passes too', { fresh: true }),
      part('passes again'),
    ]);
    const [first, second, third] = processes(report);
    expect(second).not.toBe(first);
    expect(third).toBe(second);
  });

  it('that crash leave what they found, and the parts before and after them', async () => {
    const { report } = await runParts([part('passes'), part('crashes'), part('passes again')]);
    expect(statuses(report)).toEqual(['passed', 'failed', 'passed']);
    expect(report.parts[1]!.note).toBe(`its process was ended by SIGSEGV; ${LOG_FILE} has its last words`);
    expect(report.parts[1]!.figures).toHaveLength(2);
    expect(processes(report)[1]).toBe(processes(report)[0]);
    expect(processes(report)[2]).not.toBe(processes(report)[0]);
    expect(report.passed).toBe(false);
  });

  it('that throw end their process: a lost GPU computes nothing more in it', async () => {
    const { report } = await runParts([part('throws'), part('passes')]);
    expect(statuses(report)).toEqual(['failed', 'passed']);
    expect(report.parts[0]!.note).toBe('DEVICE_LOST: the GPU is lost; start anew');
    expect(processes(report)[1]).not.toBe(processes(report)[0]);
  });

  it('that hang are ended', async () => {
    const { report } = await runParts([part('hangs', { seconds: 1 }), part('passes')]);
    expect(statuses(report)).toEqual(['failed', 'passed']);
    expect(report.parts[0]!.note).toBe('not done after 1 s');
  });

  it('are not run when the time is over, and one that is cut off then is not to blame', async () => {
    const { report } = await runParts([part('hangs'), part('passes')], 5.3 / 60);
    expect(report.parts.map(({ status, note }) => [status, note])).toEqual([
      ['not run', 'time'],
      ['not run', 'time'],
    ]);
    expect(report.passed).toBe(false);
  }, 20_000);

  it('that find something wrong fail', async () => {
    const { report } = await runParts([part('wrong'), part('passes')]);
    expect(statuses(report)).toEqual(['failed', 'passed']);
    expect(report.passed).toBe(false);
  });

  it('that measure may be left out, those that check may not', async () => {
    const [measured, checked] = [part('missing', { kind: 'measure' }), part('missing')];
    expect((await runParts([part('passes'), measured])).report.passed).toBe(true);
    expect((await runParts([part('passes'), checked])).report.passed).toBe(false);
  });

  it('are none where the device does not open', async () => {
    const first = part('throws', { opens: true });
    await expect(runParts([first, part('passes')])).rejects.toMatchObject({
      code: 'DEVICE_LOST',
      fix: 'start anew',
      exitCode: 2,
    });
  });
});

describe('figures', () => {
  const figures: Figure[] = [];
  const check = new Check('cpu', 'small', '', Infinity, (figure) => figures.push(figure));

  it('that are not numbers have not passed', () => {
    check.atMost('a', NaN, 1);
    check.atLeast('b', NaN, 1);
    check.atMost('c', 1, 1);
    check.equal('d', 'x', 'y');
    expect(figures.map(({ passed }) => passed)).toEqual([false, false, true, false]);
    // As JSON keeps them.
    expect(JSON.parse(JSON.stringify(figures))).toEqual(figures);
  });
});

describe('a difference', () => {
  it('is the largest over the largest, and by norms', () => {
    const difference = new Difference();
    difference.add([1, 2], [1, 2.5]);
    difference.add([-4], [-4.2]);
    expect(difference.largest).toBeCloseTo(0.5, 12);
    expect(difference.share).toBeCloseTo(0.5 / 4.2, 12);
    expect(difference.norm).toBeCloseTo(Math.sqrt((0.25 + 0.04) / (1 + 6.25 + 17.64)), 12);
  });

  it.each([
    ['a value that is no number', [NaN], [1]],
    ['a value that is missing', [1], [1, 2]],
  ])('is infinite with %s', (_, actual, expected) => {
    const difference = new Difference();
    difference.add(actual, expected);
    difference.add([1], [1]);
    expect(difference.share).toBe(Infinity);
    expect(difference.norm).not.toBeLessThan(1);
  });
});

describe('the tables', () => {
  const result = (more: Partial<PartResult>): PartResult => ({
    ...part('passes'),
    status: 'passed',
    seconds: 1,
    figures: [],
    ...more,
  });
  const speed = (title: string, value: number): PartResult =>
    result({
      title,
      kind: 'measure',
      figures: [
        { what: 'step', value, unit: 's' },
        { what: 'sampled', value: 100 * value },
      ],
    });
  const report: GpuReport = {
    grpo_native: '1.2.3',
    date: '2026-11-27T10:00:00.000Z',
    device: 'cuda',
    scale: 'full',
    minutes: 8,
    passed: false,
    parts: [
      result({
        name: 'machine',
        figures: [
          { what: 'GPU', value: 'NVIDIA X' },
          { what: 'driver', value: '600' },
        ],
      }),
      result({
        title: 'numbers',
        status: 'failed',
        figures: [
          { what: 'near', value: 0.4, at_most: 1, passed: true },
          { what: 'p', value: 0.001, at_least: 0.01, passed: false },
        ],
      }),
      result({ title: 'draws', status: 'not run', note: 'time' }),
      speed('short', 2),
      speed('long', 3),
      result({ title: 'TRL', kind: 'measure', status: 'not run', note: 'no python | here' }),
    ],
  };

  it('show what is nearest to its bound, what is wrong, and measurements beside each other', () => {
    expect(markdown(report)).toBe(`### NVIDIA X, 2026-11-27

grpo-native 1.2.3, \`doctor --gpu --device cuda\`: 1 of 6 parts failed.

GPU NVIDIA X; driver 600

| check | result | nearest to its bound | seconds |
| --- | --- | --- | --- |
| numbers | failed | p: 0.001 (at least 0.010) | 1.000 |
| draws | not run: time |  | 1.000 |

| measured | step, s | sampled |
| --- | --- | --- |
| short | 2.000 | 200.0 |
| long | 3.000 | 300.0 |

- TRL: not run: no python | here

Wrong:

- numbers: p: 0.001 (at least 0.010)
`);
  });

  it('begin with a verdict', () => {
    const parts = report.parts.filter(({ status }) => status !== 'failed');
    expect(verdict({ ...report, parts })).toBe('nothing failed, and 2 parts were not run.');
    expect(verdict({ ...report, passed: true, parts: parts.filter(({ title }) => title !== 'draws') })).toBe(
      'all checks passed; 1 measurement was not made.',
    );
  });
});
