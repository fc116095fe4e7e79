/** Turns measurements into a report: medians, rates, shares of the machine's limits, ratios to TRL. */
import type { MachineLimits } from '../src/engine/types.js';
import type { Case } from './cases.js';
import { isShape } from './cases.js';
import type { CaseRun, StepRun } from './job.js';
import type { PeerRun } from './peer.js';
import {
  arithmeticRate,
  floorOf,
  PHASES,
  shareOfLimit,
  sumOfFloors,
  type Floor,
  type Phase,
} from './roofline.js';
import { spread, type Spread } from './statistics.js';

export interface PhaseReport {
  seconds: Spread;
  /** Distinct tokens computed in the phase, median. */
  distinct_tokens: number;
  /** Tokens as TRL counts them, a prompt once for each of its completions; below it, distinct tokens. */
  tokens_per_second: Spread;
  distinct_tokens_per_second: Spread;
  /** The least time that the phase can take, in seconds, median (see `roofline.ts`). */
  floor: Floor;
  /** Bytes that must pass through memory, median; and the seconds that a plain copy of as many bytes takes. */
  bytes: number;
  copy_seconds: number;
  bound: keyof Floor;
  share_of_limit: Spread;
}

export interface PeerReport {
  versions: Record<string, string>;
  threads: number;
  repeats: number;
  seconds: Record<string, Spread>;
  /** TRL's seconds divided by ours, by phase. */
  ratio: Record<string, number>;
  tokens: number;
  completion_tokens: number;
  tokens_per_second: Spread;
  peak_memory: number;
}

export interface CaseReport extends Omit<Case, 'name' | 'model'> {
  case: string;
  model: string;
  weights: 'random' | 'checkpoint';
  parameters: number;
  temperature: number;
  /** Longest completion as the case ran: with random weights completions may end sooner. */
  completion_length: number;
  threads: number;
  device: string;
  matrix_backend: string;
  /** Seconds. */
  start: Record<'load' | 'freeze_reference' | 'first_prompt' | 'first_token', Spread>;
  /** Peak resident memory in bytes: the largest, if there were several processes. */
  peak_memory: number;
  /** Tokens per step, medians. Absent if the case takes no steps. */
  tokens?: { trl: number; completion: number; distinct: number };
  phases?: Record<Phase | 'step', PhaseReport>;
  /** FLOP/s of training, counted as a whole forward and backward over the distinct tokens, even if the rollout's activations were kept. */
  plain_training_rate?: { flops_per_second: Spread; share_of_limit: Spread };
  peer?: PeerReport;
  notes: string[];
}

/** @param runs one per process: a `start` case has several */
export function reportCase(one: Case, runs: CaseRun[], limits: MachineLimits, peer?: PeerRun): CaseReport {
  const [run] = runs;
  if (!run) throw new Error('a case needs a run');
  const { name, ...declared } = one;
  const starts = (part: keyof CaseRun['start']) => spread(runs.map(({ start }) => start[part]));
  const report: CaseReport = {
    case: name,
    ...declared,
    weights: isShape(one.model) ? 'random' : 'checkpoint',
    parameters: run.parameters,
    temperature: run.temperature,
    completion_length: run.max_completion_length,
    threads: run.engine.threads,
    device: run.engine.device,
    matrix_backend: run.engine.matrixBackend,
    start: {
      load: starts('load'),
      freeze_reference: starts('freeze_reference'),
      first_prompt: starts('first_prompt'),
      first_token: starts('first_token'),
    },
    peak_memory: Math.max(...runs.map(({ peak_memory }) => peak_memory)),
    notes: notesOf(one, run, peer !== undefined),
  };
  if (run.steps.length === 0) return report;
  const median = (of: (step: StepRun) => number) => spread(run.steps.map(of)).median;
  report.tokens = {
    trl: median(({ tokens }) => tokens),
    completion: median(({ completion_tokens }) => completion_tokens),
    distinct: median(({ counts }) => counts.train.nodes),
  };
  const phase = (name: Phase | 'step') => reportPhase(name, run.steps, limits, one);
  report.phases = {
    sample: phase('sample'),
    reference: phase('reference'),
    train: phase('train'),
    optimizer: phase('optimizer'),
    step: phase('step'),
  };
  const rates = run.steps.map((step) => rate(step.plain_training_flops, step.seconds.train));
  report.plain_training_rate = {
    flops_per_second: spread(rates),
    share_of_limit: spread(rates.map((flops) => flops / arithmeticRate(limits, one.dtype))),
  };
  if (peer) report.peer = reportPeer(peer, report.phases);
  return report;
}

/** Distinct tokens of each phase; those of the optimiser and of the whole step are the tokens learned from. */
const DISTINCT: Record<Phase | 'step', (step: StepRun) => number> = {
  sample: ({ counts }) => counts.sample.nodes,
  reference: ({ counts }) => counts.reference.nodes,
  train: ({ counts }) => counts.train.nodes,
  optimizer: ({ counts }) => counts.train.nodes,
  step: ({ counts }) => counts.train.nodes,
};

function reportPhase(
  name: Phase | 'step',
  steps: StepRun[],
  limits: MachineLimits,
  { dtype }: Case,
): PhaseReport {
  const phases = PHASES.filter((phase) => name === 'step' || name === phase);
  const floors = steps.map(({ work }) =>
    sumOfFloors(phases.map((phase) => floorOf(work[phase], limits, dtype))),
  );
  const floor: Floor = {
    arithmetic: spread(floors.map(({ arithmetic }) => arithmetic)).median,
    memory: spread(floors.map(({ memory }) => memory)).median,
  };
  const seconds = steps.map((step) => step.seconds[name]);
  const bytes = spread(
    steps.map(({ work }) => phases.reduce((sum, phase) => sum + work[phase].read + work[phase].written, 0)),
  ).median;
  return {
    seconds: spread(seconds),
    distinct_tokens: spread(steps.map(DISTINCT[name])).median,
    tokens_per_second: spread(steps.map(({ tokens }, i) => rate(tokens, seconds[i]!))),
    distinct_tokens_per_second: spread(steps.map((step, i) => rate(DISTINCT[name](step), seconds[i]!))),
    floor,
    bytes,
    copy_seconds: bytes / limits.copy,
    bound: shareOfLimit(floor, 1).bound,
    share_of_limit: spread(floors.map((one, i) => shareOfLimit(one, seconds[i]!).share)),
  };
}

const rate = (count: number, seconds: number) => (seconds > 0 ? count / seconds : 0);

function reportPeer({ steps, ...peer }: PeerRun, ours: Record<string, PhaseReport>): PeerReport {
  const names = Object.keys(steps[0]!.seconds);
  const seconds = Object.fromEntries(
    names.map((name) => [name, spread(steps.map((step) => step.seconds[name]!))]),
  );
  const median = (values: number[]) => spread(values).median;
  return {
    ...peer,
    repeats: steps.length,
    seconds,
    ratio: Object.fromEntries(
      names
        .filter((name) => name in ours)
        .map((name) => [name, rate(seconds[name]!.median, ours[name]!.seconds.median)]),
    ),
    tokens: median(steps.map(({ tokens }) => tokens)),
    completion_tokens: median(steps.map(({ completion_tokens }) => completion_tokens)),
    tokens_per_second: spread(steps.map((step) => rate(step.tokens, step.seconds.step!))),
  };
}

function notesOf(one: Case, run: CaseRun, peer: boolean): string[] {
  const notes: string[] = [];
  if (one.kind === 'start') return notes;
  if (isShape(one.model)) {
    notes.push(
      one.stop === 'answer'
        ? `random weights come to no answer: each completion ends after ${run.max_completion_length} tokens, and the temperature is ${run.temperature}, so that completions share tokens about as the trained model's do; --model takes real weights`
        : 'random weights: the completions of a prompt hardly share a token beyond it',
    );
  }
  if (run.steps.some(({ counts }) => counts.reference.nodes === 0))
    notes.push(
      'prompts came back: some steps found all of the reference in the cache; fewer --steps, or none do',
    );
  if (peer && one.stop === 'answer')
    notes.push(
      one.peer_stop === 'answer'
        ? `TRL ends a completion at a set of tokens, those that are no part of a number, or after ${one.max_completion_length}`
        : `TRL knows no rule of the task that ends a completion: its step goes to the full ${one.max_completion_length} tokens`,
    );
  return notes;
}
