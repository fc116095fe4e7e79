/** The report as Markdown, fit for docs/performance.md. */
import { number } from '../../src/common/format.js';
import type { Figure, GpuReport, PartResult } from './part.js';

/** Everything that was found, as tables: what is right, then how fast. */
export function markdown(report: GpuReport): string {
  const { parts, date, grpo_native: version, device } = report;
  const machine = parts.find(({ name }) => name === 'machine');
  const checks = parts.filter((part) => part.kind === 'check' && part !== machine);
  const sections = [
    `### ${machine ? titleOf(machine) : device}, ${date.slice(0, 10)}`,
    `grpo-native ${version}, \`doctor --gpu --device ${device}\`: ${verdict(report)}`,
    ...(machine ? [machine.figures.map((one) => `${one.what} ${text(one)}`).join('; ')] : []),
    checkTable(checks),
    ...measureTables(parts.filter(({ kind }) => kind === 'measure')),
    wrong(parts),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** One line: whether all is right. */
export function verdict({ parts, passed }: GpuReport): string {
  const failed = parts.filter(({ status }) => status === 'failed').length;
  const left = parts.filter(({ status }) => status === 'not run').length;
  const some = (what: string) => (left === 1 ? `1 ${what} was` : `${left} ${what}s were`);
  if (failed > 0) return `${failed} of ${parts.length} parts failed.`;
  if (passed) return `all checks passed${left > 0 ? `; ${some('measurement')} not made` : ''}.`;
  return `nothing failed, and ${left > 0 ? `${some('part')} not run` : 'parts are still to come'}.`;
}

function titleOf({ figures }: PartResult): string {
  const named = figures.find(({ what }) => what === 'GPU') ?? figures.find(({ what }) => what === 'device');
  return named ? String(named.value) : 'unknown device';
}

function checkTable(checks: PartResult[]): string {
  if (checks.length === 0) return '';
  return table(
    ['check', 'result', 'nearest to its bound', 'seconds'],
    checks.map(({ title, status, note, figures, seconds }) => [
      title,
      status === 'not run' ? `not run: ${note}` : status,
      nearest(figures),
      number(seconds),
    ]),
  );
}

/** The figure that is nearest to its bound, or beyond it. */
function nearest(figures: Figure[]): string {
  let most: Figure | undefined;
  let greatest = -Infinity;
  for (const figure of figures) {
    const share = shareOfBound(figure);
    if (share > greatest) [most, greatest] = [figure, share];
  }
  return most ? `${most.what}: ${text(most)}${bound(most)}` : '';
}

function shareOfBound({ value, at_most: most, at_least: least }: Figure): number {
  if (most === undefined && least === undefined) return -Infinity;
  if (typeof value !== 'number') return Infinity;
  return most !== undefined ? value / most : least! / value;
}

/** Parts that measure the same figures are the rows of one table. */
function measureTables(parts: PartResult[]): string[] {
  const groups = new Map<string, PartResult[]>();
  for (const part of parts.filter(({ figures }) => figures.length > 0)) {
    const names = part.figures.map(heading).join('\n');
    groups.set(names, [...(groups.get(names) ?? []), part]);
  }
  const missing = parts
    .filter(({ note }) => note !== undefined)
    .map(({ title, status, note }) => `- ${title}: ${status}: ${note}`);
  return [
    ...[...groups].map(([names, rows]) =>
      table(
        ['measured', ...names.split('\n')],
        rows.map(({ title, figures }) => [title, ...figures.map(({ value }) => shown(value))]),
      ),
    ),
    missing.join('\n'),
  ];
}

function wrong(parts: PartResult[]): string {
  const lines = parts.flatMap(({ title, kind, status, note, figures }) => [
    ...(status === 'failed' && kind === 'check' && note !== undefined ? [`- ${title}: ${note}`] : []),
    ...figures
      .filter(({ passed }) => passed === false)
      .map((one) => `- ${title}: ${one.what}: ${text(one)}${bound(one)}`),
  ]);
  return lines.length > 0 ? `Wrong:\n\n${lines.join('\n')}` : '';
}

const heading = ({ what, unit }: Figure) => (unit ? `${what}, ${unit}` : what);
const shown = (value: number | string) => (typeof value === 'number' ? number(value) : value);
const text = ({ value, unit }: Figure) => (unit ? `${shown(value)} ${unit}` : shown(value));
const bound = ({ at_most: most, at_least: least }: Figure) =>
  most !== undefined
    ? ` (at most ${number(most)})`
    : least !== undefined
      ? ` (at least ${number(least)})`
      : '';

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replace(/\s*[|\n]\s*/g, ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
