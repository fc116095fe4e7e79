/** Curves of several runs as an SVG picture: reward, held-out accuracy and KL. */
import type { RunRecord } from '../run/folder/read.js';
import type { MetricName } from '../grpo/metrics.js';
import { PALETTE, SYMBOLS, svgOf } from './svg.js';

const WIDTH = 1120;
const PANEL = { width: 330, height: 240, top: 56, gap: 40, left: 48 };
/** Points per curve: each is the mean of an equal stretch of the run. */
const POINTS = 80;

interface Panel {
  title: string;
  points: (run: Pick<RunRecord, 'steps' | 'evaluations'>) => [number, number][];
  /** Whether points are marked, as for evaluations, which are few. */
  marks?: boolean;
  min?: number;
  max?: number;
}

const PANELS: Panel[] = [
  { title: 'training reward', points: (run) => averaged(run, 'reward') },
  {
    title: 'held-out accuracy',
    marks: true,
    min: 0,
    max: 1,
    points: ({ evaluations }) => evaluations.map((row) => [row.step, row['eval/accuracy']!]),
  },
  { title: 'KL to the reference, nats', min: 0, points: (run) => averaged(run, 'kl') },
];

export function curvesSvg(runs: RunRecord[]): string {
  const rows = Math.ceil(runs.length / 3);
  const height = PANEL.top + PANEL.height + 50 + 22 * rows;
  const left = (i: number) => PANEL.left + i * (PANEL.width + PANEL.gap);
  const option = {
    title: PANELS.map(({ title }, i) => ({
      text: title,
      left: left(i),
      top: 12,
      textStyle: { fontSize: 14, fontWeight: 'normal' },
    })),
    legend: { bottom: 6, left: PANEL.left, data: runs.map(({ name }) => name), itemWidth: 18 },
    grid: PANELS.map((_, i) => ({ left: left(i), top: PANEL.top, width: PANEL.width, height: PANEL.height })),
    xAxis: PANELS.map((_, i) => ({
      type: 'value',
      gridIndex: i,
      min: 0,
      name: 'step',
      nameLocation: 'middle',
      nameGap: 24,
    })),
    yAxis: PANELS.map(({ min, max }, i) => ({ type: 'value', gridIndex: i, scale: true, min, max })),
    series: runs.flatMap((run, r) =>
      PANELS.flatMap((panel, i) =>
        branches(panel, run).map(({ points, before }) => ({
          name: run.name,
          type: 'line',
          xAxisIndex: i,
          yAxisIndex: i,
          data: points,
          showSymbol: panel.marks === true,
          symbol: SYMBOLS[r % SYMBOLS.length],
          symbolSize: 7,
          itemStyle: { opacity: before ? 0.4 : 1 },
          lineStyle: {
            width: 2,
            type: before || r >= PALETTE.length ? 'dashed' : 'solid',
            opacity: before ? 0.4 : 1,
          },
        })),
      ),
    ),
  };
  return svgOf(option, { width: WIDTH, height });
}

/** The curve of a run; of a fork that of the run that it left, and its own from the last point of that on. */
function branches({ points }: Panel, run: RunRecord): { points: [number, number][]; before: boolean }[] {
  const { forkedFrom, steps, evaluations } = run;
  if (!forkedFrom) return [{ points: points(run), before: false }];
  const part = (has: (row: { step: number }) => boolean) =>
    points({ steps: steps.filter(has), evaluations: evaluations.filter(has) });
  const before = part(({ step }) => step <= forkedFrom.step);
  const own = part(({ step }) => step > forkedFrom.step);
  // The legend shows the first.
  return [
    { points: [...before.slice(-1), ...own], before: false },
    { points: before, before: true },
  ];
}

/** A metric's means over equal stretches of steps, as [last step, mean]. */
function averaged({ steps }: Pick<RunRecord, 'steps'>, name: MetricName): [number, number][] {
  const rows = steps.filter((row) => typeof row[name] === 'number');
  const size = Math.max(1, Math.ceil(rows.length / POINTS));
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => {
    const part = rows.slice(i * size, (i + 1) * size);
    const mean = part.reduce((sum, row) => sum + row[name]!, 0) / part.length;
    return [part.at(-1)!.step, mean];
  });
}
