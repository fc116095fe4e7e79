/** A replay as a table, CSV and JSON. */
import colors from 'picocolors';
import stringWidth from 'string-width';
import { number } from '../../common/format.js';
import type { LossGradient } from '../../grpo/loss-gradients.js';
import type { Replay, ReplayedStep } from '../../run/replay.js';
import { table, type Column } from './table.js';
import { wrapped } from './text.js';

/** More steps are not listed one by one. */
const MOST_STEPS = 12;

const right = (title: string, width: number): Column => ({ title, width, align: 'right' });
const plain = (value: number | null): string => (value === null ? '-' : number(value));

/** @param width columns of the terminal; where cosines to all losses don't fit, those to the first are shown */
export function replayTable(replay: Replay, width = Infinity): string {
  const { steps, losses, weightsStep } = replay;
  const shown = steps.length <= MOST_STEPS ? steps : [];
  const blocks: [string, LossGradient[]][] = shown.map((one) => [String(one.step), one.losses]);
  if (steps.length !== 1) blocks.push(['mean', meansOf(replay)]);
  const withCosines = (count: number) =>
    table(
      [
        right('step', 7),
        { title: 'loss type', width: 9 },
        right('loss', 10),
        right('grad norm', 10),
        ...losses.slice(0, count).map((name) => right(name, Math.max(6, name.length))),
      ],
      blocks.flatMap(([step, rows]) =>
        rows.map(({ lossType, loss, gradNorm, cosines }, i) => [
          i === 0 ? step : '',
          lossType,
          plain(loss),
          plain(gradNorm),
          ...cosines.slice(0, count).map((one) => (one === null ? '-' : one.toFixed(3))),
        ]),
      ),
    );
  const whole = withCosines(losses.length);
  const fits = Math.max(...whole.split('\n').map((line) => stringWidth(line))) <= width;
  const notes = [
    `${steps.length} recorded steps at the weights of step ${weightsStep}; the columns after the norm: cosine between the gradients`,
    ...(fits ? [] : [`cosines to ${losses[0]!} alone: a wider terminal, --csv and --json have all`]),
    ...(shown.length < steps.length ? ['each step: --csv or --json'] : []),
  ];
  return [fits ? whole : withCosines(1), ...notes.map((note) => wrapped(colors.dim(note), width))].join('\n');
}

/** Means over the steps; of cosines over those that have one. */
function meansOf({ steps, losses }: Replay): LossGradient[] {
  const rows = losses.map((_, i) => steps.map((step) => step.losses[i]!));
  return losses.map((lossType, i) => ({
    lossType,
    loss: mean(rows[i]!.map(({ loss }) => loss)) ?? NaN,
    gradNorm: mean(rows[i]!.map(({ gradNorm }) => gradNorm)) ?? NaN,
    cosines: losses.map((_, j) => mean(rows[i]!.flatMap(({ cosines }) => cosines[j] ?? []))),
  }));
}

const mean = (values: number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/** A row a step and loss. */
export const csvRows = ({ steps, losses }: Replay): Record<string, string | number | null>[] =>
  steps.flatMap((step) =>
    step.losses.map(({ lossType, loss, gradNorm, cosines }) => ({
      step: step.step,
      completions: step.completions,
      tokens: step.tokens,
      loss_type: lossType,
      loss,
      grad_norm: gradNorm,
      ...Object.fromEntries(losses.map((name, j) => [`cosine/${name}`, cosines[j]!])),
    })),
  );

/** A step, by the names of its losses. */
export const jsonLine = ({ step, completions, tokens, losses }: ReplayedStep): Record<string, unknown> => ({
  step,
  completions,
  tokens,
  losses: Object.fromEntries(
    losses.map(({ lossType, loss, gradNorm, cosines }) => [
      lossType,
      {
        loss,
        grad_norm: gradNorm,
        cosine: Object.fromEntries(losses.map((other, j) => [other.lossType, cosines[j]!])),
      },
    ]),
  ),
});
