/** A case's report as text for the terminal. */
import colors from 'picocolors';
import type { MachineLimits } from '../src/engine/types.js';
import { table, type Column } from '../src/ui/terminal/table.js';
import { bytes, count, number, parameters, percent } from '../src/common/format.js';
import { CASES, DEFAULT_CASES } from './cases.js';
import type { CaseReport, PeerReport, PhaseReport } from './report.js';
import { PHASES } from './roofline.js';
import type { Spread } from './statistics.js';

/** Load average from which the machine is called busy; an idle machine's is a few hundredths. */
const BUSY = 0.3;

export function listText(): string {
  const column = Math.max(...CASES.map(({ name }) => name.length)) + 2;
  const rows = CASES.map(
    ({ name, describe, model, ...one }) =>
      `  ${colors.cyan(name.padEnd(column))}${describe} (${model}, ${
        one.kind === 'start' ? one.dtype : `${one.prompts} x ${one.num_generations}, ${one.dtype}`
      })`,
  );
  return `${rows.join('\n')}\n\nWithout a name: ${DEFAULT_CASES.join(', ')}. By itself: gradients, estimators of the gradient against the true one.\n`;
}

/** @param load load average of the last minute */
export function limitsText(limits: MachineLimits, load: number): string {
  const { float32, bfloat16, read, copy, update, threads } = limits;
  const giga = (rate: number) => number(rate / 1e9);
  const libraries = Object.entries(float32).map(([name, rate]) => `${giga(rate)} by ${name}`);
  const lines = [
    `limits of this machine, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    `  matrix products  GFLOP/s: float32 ${libraries.join(', ')}; bfloat16 ${giga(bfloat16)}`,
    `  memory           GB/s: read ${giga(read)}; read and written: copy ${giga(copy)}, in place ${giga(update)}`,
  ];
  if (load >= BUSY)
    lines.push(
      `  busy             ${load.toFixed(1)} processes wanted to run in the minute before: all this is better on an idle machine`,
    );
  return lines.join('\n');
}

export function caseText(report: CaseReport): string {
  const { start, tokens, phases, plain_training_rate: training, peer } = report;
  const weights = report.weights === 'random' ? ', random weights' : '';
  const lines = [
    colors.bold(`${report.case}: ${report.describe}`),
    row(
      'model',
      `${report.model}${weights} (${parameters(report.parameters)} parameters), ${report.dtype}, ${report.device}, ${report.threads} threads, matrices by ${report.matrix_backend}`,
    ),
  ];
  if (report.kind === 'step')
    lines.push(
      row(
        'step',
        `${report.prompts} prompts x ${report.num_generations} completions of up to ${report.completion_length} tokens, stop ${report.stop}; median of ${report.steps} after ${report.warmup}`,
      ),
    );
  lines.push(...report.notes.map((note) => row('note', note)));
  if (phases && tokens && training) {
    const { seconds, floor, bytes: moved, copy_seconds: copied } = phases.step;
    lines.push(
      phaseTable(phases),
      row(
        'tokens',
        `a step: ${count(tokens.trl)} as TRL counts them (${count(tokens.completion)} of completions), ${count(tokens.distinct)} distinct ones learned from`,
      ),
      row(
        'training',
        `${number(training.flops_per_second.median / 1e9)} GFLOP/s, ${percent(training.share_of_limit.median, 0)} of the limit, counted as a forward and a backward of its own`,
      ),
      row(
        'traffic',
        `a step: ${number(moved / 1e9)} GB must pass through memory, ${number(copied)} s at the rate of a copy; the step takes ${number(seconds.median / copied)} times that`,
      ),
      row(
        'floor',
        `a step: memory ${number(floor.memory)} s, ${number(seconds.median / floor.memory)} times that; arithmetic ${number(floor.arithmetic)} s, ${number(seconds.median / floor.arithmetic)} times`,
      ),
    );
  }
  lines.push(
    row(
      'start',
      `${report.weights === 'random' ? 'weights drawn' : 'weights loaded'} in ${within(start.load)} s, reference frozen in ${within(start.freeze_reference)} s, first prompts in ${within(start.first_prompt)} s; first token ${within(start.first_token)} s after the start of the process`,
    ),
    row('memory', `${bytes(report.peak_memory)} at most`),
  );
  if (peer && phases) lines.push(peerText(peer, phases));
  return lines.join('\n');
}

const row = (name: string, text: string) => `  ${name.padEnd(8)} ${text}`;

/** The median, and the extremes where there are several values. */
const within = ({ median, min, max }: Spread) =>
  min === max ? number(median) : `${number(median)} (${number(min)} to ${number(max)})`;

const right = (title: string, width: number): Column => ({ title, width, align: 'right' });

function phaseTable(phases: Record<string, PhaseReport>): string {
  const columns: Column[] = [
    { title: 'phase', width: 9 },
    right('seconds', 8),
    { title: 'min to max', width: 16 },
    right('distinct', 8),
    right('distinct/s', 10),
    right('tokens/s', 10),
    right('of limit', 8),
    { title: 'bound by', width: 10 },
  ];
  const rows = [...PHASES, 'step'].map((name) => {
    const phase = phases[name]!;
    return [
      name,
      number(phase.seconds.median),
      `${number(phase.seconds.min)} to ${number(phase.seconds.max)}`,
      count(phase.distinct_tokens),
      count(phase.distinct_tokens_per_second.median),
      count(phase.tokens_per_second.median),
      percent(phase.share_of_limit.median, 0),
      phase.bound,
    ];
  });
  return table(columns, rows);
}

function peerText(peer: PeerReport, ours: Record<string, PhaseReport>): string {
  const names = [...PHASES, 'step'];
  const columns: Column[] = [
    { title: 'phase', width: 9 },
    right('seconds', 8),
    right('TRL', 8),
    right('ratio', 7),
  ];
  const rows = names.map((name) => [
    name,
    number(ours[name]!.seconds.median),
    number(peer.seconds[name]!.median),
    number(peer.ratio[name]),
  ]);
  const versions = Object.entries(peer.versions).map(([name, version]) => `${name} ${version}`);
  return [
    table(columns, rows),
    row('TRL', `${versions.join(', ')}; ${peer.threads} threads, median of ${peer.repeats}`),
    row(
      '',
      `${count(peer.tokens)} tokens a step (${count(peer.completion_tokens)} of completions), ${count(peer.tokens_per_second.median)} a second; ${bytes(peer.peak_memory)} at most`,
    ),
  ].join('\n');
}
