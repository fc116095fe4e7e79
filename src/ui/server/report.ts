/** `report.html`: one run, or a comparison of several, as a single file that needs no network. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { compareRun, differences } from '../../experiments/compare/compare.js';
import { writeAtomic } from '../../machine/disk.js';
import { packageVersion } from '../../machine/paths.js';
import { readRun } from '../../run/folder/read.js';
import { pageAssets } from './assets.js';
import { RunReader } from './run-reader.js';
import type { Embedded } from './types.js';

export interface ReportOptions {
  /** Most bytes of completions to include, as in the run folder. Of a run with more, only some steps' are included. */
  mostCompletions?: number;
}

const MOST_COMPLETIONS = 24 << 20;
/** Size of a block of completions, in bytes, which the page unpacks at once. */
const BLOCK = 1 << 18;

const zip = promisify(gzip);
const embed = (what: string, content: string, more = ''): string =>
  `<script type="text/plain" class="${what}"${more}>${content}</script>`;

/** Compressed text in base64, which has no character that could end a script element. */
const packed = async (text: string) => (await zip(text, { level: 9 })).toString('base64');

/** @throws {GrpoError} RUN_NOT_FOUND, PAGE_MISSING */
export async function reportHtml(folders: readonly string[], options: ReportOptions = {}): Promise<string> {
  const { script, style } = await pageAssets();
  const readers: RunReader[] = [];
  for (const folder of folders) readers.push(await RunReader.open(folder));
  const runs = readers.map((reader) => reader.data());
  const blocks: string[] = [];
  let thinned = false;
  // A comparison shows no completions.
  if (readers.length > 1) for (const run of runs) run.completionSteps = [];
  else {
    const [reader, run] = [readers[0]!, runs[0]!];
    const kept = chooseSteps(reader, run.completionSteps, options.mostCompletions ?? MOST_COMPLETIONS);
    thinned = kept.length < run.completionSteps.length;
    run.completionSteps = kept;
    blocks.push(embed('outcomes', await packed(JSON.stringify(reader.outcomes()))));
    for (const { from, to, text } of await completionBlocks(reader, kept))
      blocks.push(embed('completions', await packed(text), ` data-from="${from}" data-to="${to}"`));
  }
  const embedded: Embedded = {
    version: packageVersion(),
    made: new Date().toISOString(),
    runs,
    thinned,
    ...(folders.length > 1 && { comparison: await compareAll(folders) }),
  };
  const title = runs.map(({ name }) => name).join(', ');
  const hash = createHash('sha256').update(script).digest('base64');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - grpo-native</title>
<style>${style}</style>
<body>
${embed('runs', await packed(JSON.stringify(embedded)))}
${blocks.join('\n')}
<script>${script}</script>
</body>
</html>
`;
}

/** @returns size of the file in bytes */
export async function writeReport(file: string, folders: readonly string[]): Promise<number> {
  const html = await reportHtml(folders);
  await writeAtomic(file, html);
  return Buffer.byteLength(html);
}

/** The target accuracy 1 is a placeholder: on the page the reader chooses one, and the page counts the steps to it. */
async function compareAll(folders: readonly string[]): Promise<NonNullable<Embedded['comparison']>> {
  const records = await Promise.all(folders.map((folder) => readRun(folder)));
  return { rows: records.map((record) => compareRun(record, 1)), differences: differences(records) };
}

/** Steps whose completions are included: all, or if these are too large, evenly spaced ones with the first and the last. */
function chooseSteps(reader: RunReader, steps: readonly number[], most: number): number[] {
  const total = steps.reduce((sum, step) => sum + reader.bytesOf(step), 0);
  if (total <= most) return [...steps];
  const count = Math.max(2, Math.floor((steps.length * most) / total));
  const chosen = Array.from(
    { length: count },
    (_, i) => steps[Math.round((i * (steps.length - 1)) / (count - 1))]!,
  );
  return [...new Set(chosen)];
}

async function completionBlocks(
  reader: RunReader,
  steps: readonly number[],
): Promise<{ from: number; to: number; text: string }[]> {
  const blocks: { from: number; to: number; text: string }[] = [];
  for (const step of steps) {
    const text = JSON.stringify(await reader.completions(step));
    const last = blocks.at(-1);
    if (last && last.text.length + text.length < BLOCK) {
      last.text += `\n${text}`;
      last.to = step;
    } else blocks.push({ from: step, to: step, text });
  }
  return blocks;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
