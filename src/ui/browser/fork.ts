/** A fork on the page: what it says of where it left its run, and its curves as branches. */
import type { RunData } from '../server/types.js';
import type { Drawn } from './chart.js';
import { el, type Child } from './dom.js';
import { value } from './format.js';

/** The name of the run that a fork left, and the step. */
export const forkPoint = ({ run, step }: NonNullable<RunData['forkedFrom']>): string =>
  `${run.split(/[\\/]/).at(-1)!} at step ${step}`;

/** Where a run was forked, and with what; nothing where it was not. */
export function forkNote({ forkedFrom }: RunData): Child {
  if (!forkedFrom) return null;
  const changed = forkedFrom.changed.map(
    ({ option, before, now }) => `${option} ${value(now)} in place of ${value(before)}`,
  );
  return el(
    'p',
    { class: 'note' },
    `Forked from ${forkPoint(forkedFrom)}${changed.length > 0 ? `, with ${changed.join(', ')}` : ''}. Curves are faint and dashed up to there.`,
  );
}

/**
 * A series of a run in two where it is a fork: the steps of the run that it left, faint, and from the last of
 * those on its own.
 * @param steps of its points
 */
export function branches(drawn: Drawn, steps: readonly number[], { forkedFrom }: RunData): Drawn[] {
  const end = forkedFrom ? steps.findLastIndex((step) => step <= forkedFrom.step) + 1 : 0;
  if (end === 0) return [drawn];
  const part = (from: number, to?: number): Drawn => ({
    ...drawn,
    x: drawn.x.slice(from, to),
    values: drawn.values.slice(from, to),
    ...(drawn.intervals && { intervals: drawn.intervals.slice(from, to) }),
  });
  const before = { ...part(0, end), label: `${drawn.label}, before the fork`, faint: true, smoothOnly: true };
  return end === steps.length ? [before] : [before, part(end - 1)];
}
