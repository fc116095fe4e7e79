/** The lines of the live display of a run, fitted to a width. Pure functions. */
import colors from 'picocolors';
import type { Diagnosed } from '../../run/diagnosis/events.js';
import type { Level } from '../../run/diagnosis/events.js';
import type { Evaluation } from '../../run/evaluate.js';
import type { TrainPlan } from '../../run/events.js';
import type { Metrics } from '../../grpo/metrics.js';
import { bar, sparkline } from './sparkline.js';
import { fitting } from './text.js';
import { count, duration, number, percent } from '../../common/format.js';

/** Steps that the shown reward is averaged over, since a single step's few prompts make it vary. */
export const WINDOW = 20;
/** Most diagnoses shown at once. */
const SHOWN = 3;

interface Evaluated {
  step: number;
  evaluation: Evaluation;
}

export interface LiveState {
  plan: TrainPlan;
  /** Metrics of the last step. */
  last: Metrics | undefined;
  /** What is being done, shown until the first step ends. */
  phase: string;
  rewards: readonly number[];
  evaluations: readonly Evaluated[];
  /** Evaluations on validation problems, of a run that chooses by them. */
  validations?: readonly Evaluated[];
  /** Diagnoses that have not ended. */
  diagnoses: readonly Pick<Diagnosed, 'title' | 'level' | 'evidence'>[];
  /** Seconds since this process began the run or resumed it, and an estimate of those still to come. */
  elapsed: number;
  left: number;
}

export function liveLines(state: LiveState, columns: number): string[] {
  const width = columns - 1;
  const { last } = state;
  return [
    '',
    progress(state, width),
    ...(state.rewards.length === 0 ? [] : [rewardLine(state, width)]),
    ...evaluatedLine('held-out', state.evaluations, width),
    ...(width < 30 ? [] : evaluatedLine('val', state.validations ?? [], width)),
    ...(last
      ? [figures(state.plan, last, width), speed(last, width)]
      : [fitting([colors.dim(state.phase)], '', width)]),
    ...state.diagnoses
      .slice(0, SHOWN)
      .map(({ title, level, evidence }) =>
        fitting([levelColor(level)(`! ${title}`), colors.dim(evidence)], colors.dim(': '), width),
      ),
  ];
}

export const levelColor = (level: Level): ((text: string) => string) =>
  level === 'bad' ? colors.red : level === 'warning' ? colors.yellow : colors.cyan;

function progress({ plan, last, elapsed, left }: LiveState, width: number): string {
  const { steps, startStep } = plan;
  const step = last?.step ?? startStep;
  const share = percent(steps > 0 ? step / steps : 1, 0);
  const head = width < 40 ? `${step}/${steps} ` : `step ${step}/${steps} `;
  const tails = [
    ` ${share}  ${duration(elapsed)} gone, ${duration(left)} left`,
    ` ${share}  ${duration(left)} left`,
    ` ${share}`,
    '',
  ];
  const tail = tails.find((text) => head.length + text.length + 6 <= width) ?? '';
  const room = Math.min(60, width - head.length - tail.length);
  return fitting(
    [colors.bold(head) + (room >= 5 ? colors.cyan(bar(step, steps, room)) : '') + tail],
    '',
    width,
  );
}

const NAME = 9;
/** Width of a curve: what the window leaves, but at most forty columns. */
const curveWidth = (width: number) => Math.max(4, Math.min(40, width - NAME - 10));

function rewardLine({ rewards }: LiveState, width: number): string {
  const name = width < 30 ? '' : 'reward'.padEnd(NAME);
  const curve = sparkline([...rewards], curveWidth(width));
  return fitting(
    [
      `${name}${colors.green(curve)} ${colors.bold(signed(meanOf(rewards.slice(-WINDOW))))}`,
      colors.dim(`mean of ${Math.min(WINDOW, rewards.length)} steps`),
      colors.dim(`${signed(meanOf(rewards.slice(0, WINDOW)))} at the start`),
    ],
    '  ',
    width,
  );
}

/** One line, or none before the first evaluation. */
function evaluatedLine(title: string, evaluations: readonly Evaluated[], width: number): string[] {
  if (evaluations.length === 0) return [];
  const { step, evaluation } = evaluations.at(-1)!;
  const before = evaluations[0]!;
  const name = width < 30 ? '' : title.padEnd(NAME);
  const curve = sparkline(
    evaluations.map(({ evaluation }) => evaluation.accuracy),
    curveWidth(width),
  );
  const { accuracy, low, high, correct, total } = evaluation;
  const line = fitting(
    [
      `${name}${colors.blue(curve)} ${colors.bold(percent(accuracy))}`,
      `[${percent(low)}, ${percent(high)}]`,
      colors.dim(`${correct} of ${total} at step ${step}`),
      before.step === 0 && step > 0 ? colors.dim(`${percent(before.evaluation.accuracy)} before`) : '',
    ],
    '  ',
    width,
  );
  return [line];
}

function figures({ beta }: TrainPlan, m: Metrics, width: number): string {
  return fitting(
    [
      m.reward === undefined ? `loss ${number(m.loss)}` : '',
      beta > 0 ? `kl ${number(m.kl)}` : '',
      `entropy ${number(m.entropy)}`,
      m.frac_informative_groups === undefined
        ? ''
        : `informative groups ${percent(m.frac_informative_groups, 0)}`,
      m.coverage === undefined ? '' : `coverage ${percent(m.coverage, 0)}`,
      `grad ${number(m.grad_norm)}`,
      `length ${number(m['completions/mean_length'])}`,
    ],
    colors.dim('  ·  '),
    width,
  );
}

const PHASES = ['sample', 'reward', 'reference', 'train', 'optimizer'] as const;

/** Seconds per step and phase, and tokens per second. */
function speed(m: Metrics, width: number): string {
  const total = m.step_time ?? 0;
  const phases = PHASES.filter((phase) => (m[`time/${phase}`] ?? 0) > 0.005 * total);
  const tokens = total > 0 ? (m['tokens/computed'] ?? 0) / total : 0;
  return fitting(
    [
      `${number(total)} s a step`,
      tokens > 0 ? `${count(tokens)} tokens/s` : '',
      ...phases.map((phase) => colors.dim(`${phase} ${number(m[`time/${phase}`])} s`)),
    ],
    colors.dim('  ·  '),
    width,
  );
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export function signed(value: number): string {
  if (Number.isNaN(value)) return '-';
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}
