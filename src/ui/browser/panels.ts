/** Declares the charts of a run: which curves there are, and which share a chart. */
import type { CurveData, RunData } from '../server/types.js';
import { count, number, percent } from './format.js';

export interface Line {
  label: string;
  /** A metric's values, or values computed from metrics. */
  values: (curves: CurveData) => (number | null)[] | undefined;
  /** The area between the line that is a lower bound and the one that is an upper bound is filled. */
  bound?: 'low' | 'high';
}

export interface Panel {
  title: string;
  unit?: string;
  /** Metrics of the chart: diagnoses of these are marked on it. */
  metrics: string[];
  lines: Line[];
  /** Whether it shows evaluations, held-out and of validation, with their intervals. */
  evaluations?: boolean;
  /** Fixed range of the vertical scale; without it, the range of the values. */
  range?: [number, number];
  logarithmic?: boolean;
  /** Whether the lines are drawn as areas on top of each other. */
  stacked?: boolean;
  format: (value: number | null) => string;
  /** What must be known of a run to read its curves rightly; undefined: nothing. */
  note?: (config: RunData['config']) => string | undefined;
}

const column =
  (name: string) =>
  ({ columns }: CurveData) =>
    columns[name];
const metric = (name: string, label = name): Line => ({ label, values: column(name) });

const tokensPerSecond = ({ columns }: CurveData) =>
  columns['tokens/computed']?.map((tokens, i) => {
    const seconds = columns.step_time?.[i];
    return tokens !== null && seconds ? tokens / seconds : null;
  });

const share = (value: number | null) => percent(value);

/** Where draws come from another distribution than the policy at `temperature`: whose coverage and bounds are shown. */
export function policyNote(config: RunData['config']): string | undefined {
  const { temperature } = config;
  const neutral: Record<string, unknown[]> = {
    sampling_temperature: [null, temperature],
    top_k: [0],
    top_p: [1],
    min_p: [0],
    repetition_penalty: [1],
  };
  const own = Object.entries(neutral)
    .filter(([name, values]) => config[name] !== undefined && !values.includes(config[name]))
    .map(([name]) => `${name} ${String(config[name])}`);
  return own.length === 0
    ? undefined
    : `of the policy itself at temperature ${String(temperature)}; draws come from it with ${own.join(', ')}`;
}

/** The main charts; one without values in a run is hidden. */
export const PANELS: Panel[] = [
  {
    title: 'Reward',
    metrics: ['reward', 'reward_std'],
    lines: [metric('reward', 'mean of a step')],
    format: number,
  },
  {
    title: 'Accuracy',
    metrics: ['accuracy', 'eval/accuracy', 'val/accuracy'],
    lines: [metric('accuracy', 'training, sampled')],
    evaluations: true,
    range: [0, 1],
    format: share,
  },
  {
    title: 'KL to the reference',
    unit: 'nats a token',
    metrics: ['kl'],
    lines: [metric('kl', 'KL')],
    format: number,
  },
  {
    title: 'Entropy',
    unit: 'nats a token',
    metrics: ['entropy'],
    lines: [metric('entropy')],
    format: number,
  },
  {
    title: 'Groups',
    metrics: ['frac_reward_zero_std', 'frac_all_right'],
    lines: [metric('frac_reward_zero_std', 'equal rewards'), metric('frac_all_right', 'all right')],
    range: [0, 1],
    format: share,
  },
  {
    title: 'Pass@1 of the policy',
    unit: 'exact bounds, mean of the groups',
    metrics: ['pass_at_1_low', 'pass_at_1_high'],
    lines: [
      { ...metric('pass_at_1_low', 'at least'), bound: 'low' },
      { ...metric('pass_at_1_high', 'at most'), bound: 'high' },
    ],
    range: [0, 1],
    format: share,
    note: policyNote,
  },
  {
    title: 'Coverage and informative groups',
    metrics: ['coverage', 'frac_informative_groups', 'frac_problems_seen'],
    lines: [
      metric('coverage', 'policy seen by a group'),
      metric('frac_informative_groups', 'informative groups'),
      metric('frac_problems_seen', 'problems seen'),
    ],
    range: [0, 1],
    format: share,
    note: policyNote,
  },
  {
    title: 'Gradient norm',
    unit: 'before clipping',
    metrics: ['grad_norm'],
    lines: [metric('grad_norm', 'norm')],
    logarithmic: true,
    format: number,
  },
  {
    title: 'Learning rate',
    metrics: ['learning_rate'],
    lines: [metric('learning_rate', 'rate')],
    format: number,
  },
  {
    title: 'Completion length',
    unit: 'tokens',
    metrics: [],
    lines: [metric('completions/mean_length', 'mean'), metric('completions/max_length', 'longest')],
    format: number,
  },
  {
    title: 'Cut off, and one answer for all',
    metrics: ['completions/clipped_ratio', 'frac_same_answer'],
    lines: [metric('completions/clipped_ratio', 'cut off'), metric('frac_same_answer', 'same answer')],
    range: [0, 1],
    format: share,
  },
  {
    title: 'Loss',
    metrics: ['loss', 'policy_loss'],
    lines: [metric('loss'), metric('policy_loss', 'without the entropy bonus')],
    format: number,
  },
];

export const TIME: Panel[] = [
  {
    title: 'Seconds a step',
    metrics: ['step_time'],
    lines: ['sample', 'reward', 'reference', 'train', 'optimizer', 'save'].map((phase) =>
      metric(`time/${phase}`, phase),
    ),
    // The first steps take many times as long, while memory is allocated and caches fill.
    logarithmic: true,
    format: number,
  },
  {
    title: 'Distinct tokens computed a second',
    metrics: [],
    lines: [{ label: 'tokens/s', values: tokensPerSecond }],
    format: (value) => (value === null ? '-' : count(value)),
  },
];

/** Metrics without a chart: counters, and values that are shown elsewhere. */
const LEFT_OUT =
  /^(step|epoch|seconds|num_tokens|step_time|(eval|val)\/accuracy(_low|_high)?|tokens\/|time\/|completions\/min_length)/;

/** A chart for each metric that no other chart shows. */
export function morePanels(runs: readonly RunData[]): Panel[] {
  const has = ({ values }: Line) =>
    runs.some(({ curves }) => values(curves)?.some((value) => value !== null) ?? false);
  const shown = new Set(PANELS.flatMap(({ lines }) => lines.map(({ label }) => label)));
  const known = new Set(PANELS.flatMap(({ metrics }) => metrics));
  const names = [...new Set(runs.flatMap(({ curves }) => Object.keys(curves.columns)))];
  return names
    .filter((name) => !known.has(name) && !shown.has(name) && !LEFT_OUT.test(name))
    .filter((name) => !['completions/mean_length', 'completions/max_length'].includes(name))
    .map((name): Panel => ({ title: name, metrics: [name], lines: [metric(name)], format: number }))
    .filter(({ lines }) => lines.some(has));
}
