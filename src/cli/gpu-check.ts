/** `doctor --gpu`: whether a GPU computes what the CPU computes, and how fast it is. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pc from 'picocolors';
import type { PartResult } from '../../bench/gpu/part.js';
import { PARTS } from '../../bench/gpu/parts/index.js';
import { REPORT_FILE, runGpuCheck, TABLE_FILE } from '../../bench/gpu/runner.js';
import { verdict } from '../../bench/gpu/table.js';
import { duration } from '../common/format.js';
import { shellWord } from '../common/shell.js';

interface GpuCheckInput {
  device: string;
  output_dir: string | null;
  minutes: number;
  json: boolean;
}

/** Prints a line for each part as it is done, and the tables at the end; sets the exit status. */
export async function gpuCheck({ device, output_dir: out, minutes, json }: GpuCheckInput): Promise<void> {
  const folder = out ?? `gpu-check-${new Date().toISOString().replace(/[:.]/g, '-').slice(0, 19)}`;
  const say = (text: string) => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  process.stderr.write(
    `At most ${duration(60 * minutes)}; each part's result is in ${folder} as soon as it is there.\n`,
  );
  const report = await runGpuCheck(
    { device, out: folder, minutes, onPart: (result) => say(lineOf(result)) },
    PARTS,
  );
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    say(`\n${await readFile(join(folder, TABLE_FILE), 'utf8')}`);
    say(`${verdict(report)} All figures: ${shellWord(join(folder, REPORT_FILE))}`);
  }
  if (!report.passed) process.exitCode = 1;
}

function lineOf({ status, title, seconds, note, figures }: PartResult): string {
  const colour = { passed: pc.green, failed: pc.red, 'not run': pc.yellow }[status];
  const wrong = figures
    .filter(({ passed }) => passed === false)
    .map(({ what, value }) => `${what}: ${value}`);
  const why = [...(note === undefined ? [] : [note]), ...wrong].join('; ');
  return `${colour(status.padEnd(8))} ${title}, ${duration(seconds)}${why === '' ? '' : `: ${why}`}`;
}
