/**
 * `doctor --gpu`: its parts in order, each with a time box, within minutes in all. What is there is on the disk at
 * once: a crash, a lost GPU or the end of a job leaves all that was found before it.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpoError } from '../../src/common/errors.js';
import { asDiskError, writeAtomic } from '../../src/machine/disk.js';
import { packageVersion } from '../../src/machine/paths.js';
import type { Figure, GpuReport, PartHead, PartResult } from './part.js';
import { markdown } from './table.js';
import { ENTRY, Worker, type Ending } from './worker.js';

export interface GpuCheckOptions {
  /** `cuda`, `cuda:N`, `cpu`, or a device for tests. */
  device: string;
  /** Folder that the results are written to. */
  out: string;
  /** All parts together take no longer. */
  minutes: number;
  /** Called as a part begins. */
  onBegin?: (part: PartHead) => void;
  /** Called as a part is over and on the disk. */
  onPart?: (result: PartResult) => void;
}

/** A part that would have less than this many seconds isn't begun. */
const LEAST_SECONDS = 5;

export const REPORT_FILE = 'gpu-check.json';
export const TABLE_FILE = 'gpu-check.md';
export const LOG_FILE = 'gpu-check.log';

/**
 * @param parts what is run, in this order
 * @param entry the program that runs them
 * @throws {GrpoError} where the device does not open, why (DEVICE_MISSING, ADDON_MISSING, ...); DISK_FULL, WRITE_FAILED
 */
export async function runGpuCheck(
  { device, out, minutes, onBegin, onPart }: GpuCheckOptions,
  parts: readonly PartHead[],
  entry = ENTRY,
): Promise<GpuReport> {
  const end = Date.now() + 60_000 * minutes;
  const report: GpuReport = {
    grpo_native: packageVersion(),
    date: new Date().toISOString(),
    device,
    scale: device.startsWith('cuda') ? 'full' : 'small',
    minutes,
    passed: false,
    parts: [],
  };
  const log = openLog(out);
  let worker: Worker | undefined;
  try {
    for (const part of parts) {
      const begin = Date.now();
      const deadline = Math.min(begin + 1000 * part.seconds, end);
      const figures: Figure[] = [];
      let verdict: Verdict = { status: 'not run', note: 'time' };
      if (end - begin >= 1000 * LEAST_SECONDS) {
        onBegin?.(part);
        if (part.fresh) await worker?.end();
        if (!worker?.usable) worker = new Worker(entry, log);
        const order = { part: part.name, device, scale: report.scale, folder: out, deadline };
        const ending = await worker.run(order, (figure) => figures.push(figure));
        if (part.opens && ending.type === 'failed') {
          await leaveNothing(out);
          throw asGrpoError(ending);
        }
        verdict = judge(ending, figures, deadline === end, part);
      }
      const { name, title, kind } = part;
      const seconds = (Date.now() - begin) / 1000;
      report.parts.push({ name, title, kind, ...verdict, seconds, figures });
      report.passed = report.parts.length === parts.length && report.parts.every(isFine);
      await write(out, report);
      onPart?.(report.parts.at(-1)!);
    }
  } finally {
    await worker?.end();
    closeSync(log);
  }
  return report;
}

/** A check that wasn't run proves nothing; a measurement that wasn't is no fault. */
const isFine = ({ kind, status }: PartResult) =>
  status === 'passed' || (kind === 'measure' && status === 'not run');

type Verdict = Pick<PartResult, 'status' | 'note'>;

function judge(ending: Ending, figures: Figure[], atTheEnd: boolean, { seconds }: PartHead): Verdict {
  const wrong = figures.some(({ passed }) => passed === false);
  switch (ending.type) {
    case 'done':
      if (wrong) return { status: 'failed' };
      if (ending.notRun !== undefined) return { status: 'not run', note: ending.notRun };
      return { status: 'passed' };
    case 'failed': {
      const { code, message, fix } = ending.error;
      return { status: 'failed', note: `${code}: ${message}; ${fix}` };
    }
    case 'died':
      return { status: 'failed', note: `its process ${ending.how}; ${LOG_FILE} has its last words` };
    case 'time':
      return atTheEnd && !wrong
        ? { status: 'not run', note: 'time' }
        : { status: 'failed', note: `not done after ${seconds} s` };
  }
}

function asGrpoError({ error: { code, message, fix, exitCode } }: Ending & { type: 'failed' }): GrpoError {
  return new GrpoError(code, message, { fix, exitCode });
}

function openLog(out: string): number {
  const path = join(out, LOG_FILE);
  try {
    mkdirSync(out, { recursive: true });
    return openSync(path, 'w');
  } catch (error) {
    throw asDiskError(error, path);
  }
}

/** Where there was no device to check. */
async function leaveNothing(out: string): Promise<void> {
  await rm(join(out, LOG_FILE), { force: true });
  await rmdir(out).catch(() => undefined); // where it holds something else it stays
}

async function write(out: string, report: GpuReport): Promise<void> {
  await writeAtomic(join(out, REPORT_FILE), `${JSON.stringify(report, null, 2)}\n`);
  await writeAtomic(join(out, TABLE_FILE), markdown(report));
}
