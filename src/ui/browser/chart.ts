/** A chart, drawn by uPlot: lines over steps, evaluations with intervals, shaded diagnoses, and the selected step. */
import uPlot from 'uplot';
import type { Diagnosed } from '../../run/diagnosis/events.js';
import type { EvaluationPoint } from '../server/types.js';
import { el, fill } from './dom.js';
import { tick } from './format.js';
import type { Panel } from './panels.js';
import { NOISY, smooth } from './smooth.js';
import type { Chosen } from './state.js';
import { color, onTheme } from './theme.js';

/** A series of a chart: a line, or points with intervals. */
export interface Drawn {
  label: string;
  x: readonly number[];
  values: readonly (number | null)[];
  /** Low and high end of each point's interval; without them the series is a line. */
  intervals?: readonly [number, number][];
  /** Number of its colour, from 1, or a colour's name in the style sheet. */
  color: number | string;
  dash?: number[];
  /** Draw it faint and dashed, as what came before a fork. */
  faint?: boolean;
  /** Draw only the smoothed line, not the raw one too, where several series share a chart. */
  smoothOnly?: boolean;
  /** The area between the series that are a lower and an upper bound is filled. */
  bound?: 'low' | 'high';
}

const HEIGHT = 190;
/** Distances between the ticks of an axis of whole numbers. */
const WHOLE_INCREMENTS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].flatMap((power) => [
  power,
  2 * power,
  5 * power,
]);
const SYNC = uPlot.sync('steps');

export class Chart {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #chosen: Chosen;
  readonly #holder: HTMLElement;
  readonly #note = el('small', { hidden: true });
  #plot: uPlot | undefined;
  #drawn: Drawn[] = [];
  #marks: readonly Diagnosed[] = [];
  #shape = '';
  #along = 'step';
  #zoomed = false;

  constructor(panel: Panel, chosen: Chosen) {
    this.#panel = panel;
    this.#chosen = chosen;
    this.#holder = el('div', {
      class: 'plot',
      tabindex: 0,
      role: 'img',
      onkeydown: (event: KeyboardEvent) => this.#key(event),
    });
    this.element = el(
      'figure',
      { class: 'chart' },
      el('figcaption', {}, el('strong', {}, panel.title), panel.unit ? ` ${panel.unit}` : ''),
      this.#holder,
      this.#note,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#holder);
    onTheme(() => this.#plot?.redraw(false));
    chosen.watch(() => this.#plot?.redraw(false));
  }

  /**
   * Draws the series; hides the chart if there are none.
   * @param along unit of the horizontal axis
   * @param note what must be known to read the series rightly
   */
  show(drawn: Drawn[], marks: readonly Diagnosed[], along = 'step', note = ''): void {
    this.element.hidden = drawn.length === 0;
    this.#note.hidden = note === '';
    fill(this.#note, note);
    if (drawn.length === 0) return;
    this.#drawn = drawn;
    this.#along = along;
    this.#marks = marks.filter(({ metric }) => this.#panel.metrics.includes(metric));
    const shape = [along, ...drawn.map((one) => `${one.label} ${this.#isDoubled(one)}`)].join();
    this.#holder.setAttribute('aria-label', this.#summary());
    const data = this.#data();
    if (this.#plot && shape === this.#shape) this.#plot.setData(data, !this.#zoomed);
    else {
      this.#plot?.destroy();
      this.#shape = shape;
      this.#plot = new uPlot(this.#options(), data, this.#holder);
    }
  }

  /** The series as uPlot takes them, aligned to common x values. A smoothed line is drawn twice: raw and faint, and smoothed. */
  #data(): uPlot.AlignedData {
    const x = [...new Set(this.#drawn.flatMap((one) => one.x))].sort((a, b) => a - b);
    const at = new Map(x.map((step, i) => [step, i]));
    const align = (own: Drawn, values: readonly (number | null)[]) => {
      const aligned = new Array<number | null | undefined>(x.length).fill(undefined);
      own.x.forEach((step, i) => (aligned[at.get(step)!] = this.#plottable(values[i])));
      return aligned;
    };
    const series = this.#drawn.flatMap((one) => {
      const soft = one.intervals ? undefined : smooth(one.values);
      if (!soft) return [align(one, one.values)];
      return this.#isDoubled(one) ? [align(one, one.values), align(one, soft)] : [align(one, soft)];
    });
    return [x, ...(this.#panel.stacked ? stacked(series) : series)] as uPlot.AlignedData;
  }

  /** The value, or null if a logarithmic scale can't show it. */
  #plottable(value: number | null | undefined): number | null {
    const known = value ?? null;
    return known !== null && this.#panel.logarithmic && known <= 0 ? null : known;
  }

  #options(): uPlot.Options {
    const { range, logarithmic, format, stacked } = this.#panel;
    const owners = this.#drawn.flatMap((one) => (this.#isDoubled(one) ? [one, one] : [one]));
    // Of a stacked series, what it adds to the one below.
    const value: uPlot.Series.Value = ({ data }, raw: number | null, at, i) =>
      format(stacked && at > 1 && raw !== null && i !== null ? raw - (data[at - 1]![i] ?? 0) : raw);
    const axis: Partial<uPlot.Axis> = {
      stroke: () => color('--muted'),
      grid: { stroke: () => color('--line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    return {
      width: Math.max(200, this.#holder.clientWidth),
      height: HEIGHT,
      scales: {
        x: { time: false },
        y: {
          // The type is a const enum, which doesn't exist at run time.
          // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
          ...(logarithmic && { distr: 3 as const }),
          ...(range && { range: () => range }),
        },
      },
      axes: [
        // Ticks only at whole steps.
        { ...axis, size: 28, ...(this.#along === 'step' && { incrs: WHOLE_INCREMENTS }) },
        {
          ...axis,
          size: 46,
          ...(logarithmic && {
            splits: (_, __, low, high) => logarithmicMarks(low, high),
            filter: (_, splits) => splits,
          }),
          values: (_, values) => values.map((one) => (range ? format(one).replace('.0%', '%') : tick(one))),
        },
      ],
      series: [
        { label: this.#along, value: (_, raw: number | null) => (raw === null ? '-' : tick(raw)) },
        ...this.#drawn.flatMap((one): uPlot.Series[] => {
          const faint = () => faintOf(one);
          const stroke = one.faint ? faint : () => colorOf(one);
          const line: uPlot.Series = {
            label: one.label,
            stroke,
            width: 2,
            spanGaps: true,
            points: one.intervals ? { show: true, size: 7, fill: stroke } : { show: false },
            value,
            ...(stacked && { width: 0, fill: stroke }),
            ...((one.dash ?? one.faint) && { dash: one.dash ?? [4, 4] }),
          };
          if (!this.#isDoubled(one)) return [line];
          return [
            { ...line, stroke: faint, width: 1 },
            { ...line, label: `${one.label}, smoothed`, class: 'smoothed' },
          ];
        }),
      ],
      bands: this.#bands(),
      legend: {
        live: true,
        // In the legend the raw line has the colour of the smoothed one, not the faint one.
        markers: {
          stroke: (_, i) => (owners[i - 1] ? colorOf(owners[i - 1]!) : 'transparent'),
          fill: (_, i) => (stacked && owners[i - 1] ? colorOf(owners[i - 1]!) : 'transparent'),
        },
      },
      cursor: {
        sync: { key: SYNC.key, scales: ['x', null] },
        drag: { x: true, y: false },
        bind: {
          click: (plot) => () => {
            const step = plot.data[0][plot.cursor.idx ?? -1];
            if (step !== undefined) this.#chosen.choose(step);
            return null;
          },
        },
      },
      hooks: {
        drawClear: [(plot) => this.#drawMarks(plot)],
        draw: [(plot) => this.#drawIntervals(plot), (plot) => this.#drawChosen(plot)],
        setSelect: [(plot) => (this.#zoomed = plot.select.width > 0)],
        ready: [(plot) => plot.over.addEventListener('dblclick', () => (this.#zoomed = false))],
      },
    };
  }

  /**
   * Areas between two series: a lower and an upper bound (of a fork, before it and its own), or one that is stacked
   * on another.
   */
  #bands(): uPlot.Band[] {
    // Position of each series' last line; the first of all is the horizontal axis.
    let position = 0;
    const placed = this.#drawn.map((one) => ({ one, at: (position += this.#isDoubled(one) ? 2 : 1) }));
    if (this.#panel.stacked) return placed.slice(1).map(({ at }) => ({ series: [at, at - 1] }));
    return placed
      .filter(({ one }) => one.bound === 'high')
      .flatMap(({ one, at }): uPlot.Band[] => {
        const low = placed.find(({ one: other }) => other.bound === 'low' && other.faint === one.faint);
        const fill = () => `color-mix(in srgb, ${colorOf(one)} 18%, transparent)`;
        return low ? [{ series: [at, low.at], fill }] : [];
      });
  }

  /** Shades the steps of each diagnosis; the bar on top shows them without relying on colour. */
  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const last = plot.data[0].at(-1);
    if (last === undefined) return;
    ctx.save();
    for (const { began, ended, level, title } of this.#marks) {
      const left = Math.max(bbox.left, plot.valToPos(began, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(ended ?? last, 'x', true));
      if (right <= left) continue;
      ctx.fillStyle = `color-mix(in srgb, ${color(`--${level}`)} 12%, transparent)`;
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.fillStyle = color(`--${level}`);
      ctx.fillRect(left, bbox.top, right - left, 3 * devicePixelRatio);
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textBaseline = 'top';
      if (ctx.measureText(title).width < right - left - 8)
        ctx.fillText(title, left + 4 * devicePixelRatio, bbox.top + 6 * devicePixelRatio);
    }
    ctx.restore();
  }

  #drawIntervals(plot: uPlot): void {
    const { ctx } = plot;
    ctx.save();
    for (const one of this.#drawn) {
      const { intervals, x } = one;
      if (!intervals) continue;
      ctx.strokeStyle = one.faint ? faintOf(one) : colorOf(one);
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      intervals.forEach(([low, high], i) => {
        const at = Math.round(plot.valToPos(x[i]!, 'x', true));
        ctx.moveTo(at, plot.valToPos(low, 'y', true));
        ctx.lineTo(at, plot.valToPos(high, 'y', true));
      });
      ctx.stroke();
    }
    ctx.restore();
  }

  #drawChosen(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const { step } = this.#chosen;
    const at = Math.round(plot.valToPos(step, 'x', true));
    if (this.#along !== 'step' || step <= 0 || at < bbox.left || at > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = color('--fg');
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  #key(event: KeyboardEvent): void {
    const steps = this.#plot?.data[0] ?? [];
    const at = steps.findLastIndex((step) => step <= this.#chosen.step);
    const move: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      PageUp: at - 10,
      PageDown: at + 10,
      Home: 0,
      End: steps.length - 1,
    };
    const to = move[event.key];
    if (event.key === 'Escape') this.#zoomOut();
    else if (to === undefined || steps.length === 0) return;
    else this.#chosen.choose(steps[Math.max(0, Math.min(steps.length - 1, to))]!);
    event.preventDefault();
  }

  #zoomOut(): void {
    this.#zoomed = false;
    this.#plot?.setData(this.#plot.data, true);
  }

  /** Whether a series is drawn twice: raw and faint, and smoothed. */
  #isDoubled({ values, intervals, smoothOnly }: Drawn): boolean {
    return !smoothOnly && !intervals && !this.#panel.stacked && values.length >= NOISY;
  }

  #fit(): void {
    const width = this.#holder.clientWidth;
    if (this.#plot && width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  /** The chart in words, for screen readers. */
  #summary(): string {
    const { title, format } = this.#panel;
    const lines = this.#drawn.map(({ label, values, x }) => {
      const known = values.map((value, i) => [x[i]!, value] as const).filter(([, value]) => value !== null);
      const [first, last] = [known[0], known.at(-1)];
      return first && last
        ? `${label}: ${format(first[1])} at step ${first[0]}, ${format(last[1])} at step ${last[0]}`
        : `${label}: nothing yet`;
    });
    const marks = this.#marks.map(
      ({ title, began, ended }) => `${title} from step ${began}${ended ? ` to ${ended}` : ''}`,
    );
    return [`Chart of ${title}`, ...lines, ...marks].join('. ');
  }
}

/** Each series on top of those before it. */
function stacked(series: (number | null | undefined)[][]): (number | null | undefined)[][] {
  const sums: number[] = [];
  return series.map((values) =>
    values.map((value, i) => (typeof value === 'number' ? (sums[i] = (sums[i] ?? 0) + value) : value)),
  );
}

const colorOf = (one: Drawn): string =>
  color(typeof one.color === 'number' ? `--c${one.color}` : `--${one.color}`);
const faintOf = (one: Drawn): string => `color-mix(in srgb, ${colorOf(one)} 35%, transparent)`;

/** Ticks of a logarithmic scale: powers of ten, and 2 and 5 times these if there are few. */
function logarithmicMarks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const few = to - from <= 2;
  const every = Math.max(1, Math.ceil((to - from) / 5));
  const powers = Array.from(
    { length: Math.floor((to - from) / every) + 1 },
    (_, i) => 10 ** (from + i * every),
  );
  const marks = few ? powers.flatMap((power) => [power, 2 * power, 5 * power]) : powers;
  return marks.filter((mark) => mark >= low && mark <= high);
}

export const evaluationPoints = (
  evaluations: readonly EvaluationPoint[],
  color: number,
  label = 'held-out',
): Drawn => ({
  label,
  x: evaluations.map(({ step }) => step),
  values: evaluations.map(({ accuracy }) => accuracy),
  intervals: evaluations.map(({ low, high }) => [low, high]),
  color,
});
