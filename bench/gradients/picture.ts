/** The picture of `bench gradients`: how far each estimator is from the true gradient, for the tokens it forwards. */
import { PALETTE, SYMBOLS, svgOf } from '../../src/ui/svg.js';
import type { GradientsReport } from './index.js';

type Row = GradientsReport['rows'][number];

interface Panel {
  title: string;
  valueOf: (row: Row) => number;
  axis: { type: 'log'; min: number } | { type: 'value'; max: number };
}

const PANELS: Panel[] = [
  {
    title: 'squared error: bias² + variance, of the squared norm',
    valueOf: ({ bias, variance }) => bias ** 2 + variance,
    axis: { type: 'log', min: 1e-5 },
  },
  {
    title: 'cosine with the true gradient',
    valueOf: ({ cosine }) => cosine,
    axis: { type: 'value', max: 1 },
  },
];

const PANEL = { width: 480, height: 340, top: 64, left: 64, gap: 84 };
const WIDTH = PANEL.left + PANELS.length * (PANEL.width + PANEL.gap) - 40;
const LEGEND_LINE = 24;
/** Names of estimators that fit into a line of the legend. */
const LEGEND_COLUMNS = 4;

/** A line for each estimator, a point on it for each number of draws. */
export function gradientsSvg({ rows, model, informative, temperature }: GradientsReport): string {
  const ways = [...new Set(rows.map(({ way }) => way))];
  const left = (i: number) => PANEL.left + i * (PANEL.width + PANEL.gap);
  const nodes = rows.map((row) => row.nodes);
  const draws = [...new Set(rows.map((row) => row.draws))].join(', ');
  const legend = LEGEND_LINE * Math.ceil(ways.length / LEGEND_COLUMNS);
  const about = `${model}, ${informative} problems, temperature ${temperature}; points from left to right: ${draws} draws`;
  return svgOf(
    {
      title: [
        {
          text: about,
          left: PANEL.left,
          top: 8,
          textStyle: { fontSize: 13, fontWeight: 'normal', color: '#555' },
        },
        ...PANELS.map(({ title }, i) => ({
          text: title,
          left: left(i),
          top: 34,
          textStyle: { fontSize: 14, fontWeight: 'normal' },
        })),
      ],
      legend: {
        bottom: 8,
        left: PANEL.left,
        right: 20,
        itemGap: 36,
        data: ways,
        itemWidth: 26,
        textStyle: { fontSize: 13 },
      },
      grid: PANELS.map((_, i) => ({
        left: left(i),
        top: PANEL.top,
        width: PANEL.width,
        height: PANEL.height,
      })),
      xAxis: PANELS.map((_, i) => ({
        type: 'log',
        gridIndex: i,
        logBase: 2,
        min: 2 ** Math.floor(Math.log2(Math.min(...nodes))),
        max: Math.ceil(1.15 * Math.max(...nodes)),
        name: 'distinct tokens forwarded, of a group',
        nameLocation: 'middle',
        nameGap: 28,
        splitLine: { show: true },
      })),
      yAxis: PANELS.map(({ axis }, i) => ({ gridIndex: i, ...axis, scale: true })),
      series: PANELS.flatMap(({ valueOf }, i) =>
        ways.map((way, w) => {
          const own = rows.filter((row) => row.way === way);
          return {
            name: way,
            type: 'line',
            xAxisIndex: i,
            yAxisIndex: i,
            data: own.map((row) => [row.nodes, valueOf(row)]),
            symbol: SYMBOLS[w % SYMBOLS.length],
            symbolSize: 9,
            lineStyle: { width: 2, type: w >= PALETTE.length ? 'dashed' : 'solid' },
          };
        }),
      ),
    },
    { width: WIDTH, height: PANEL.top + PANEL.height + 60 + legend },
  );
}
