/** The benchmark's step on random weights of Qwen2-0.5B's shape, beside the limits of the device. */
import { percent } from '../../../src/common/format.js';
import { resolveModel } from '../../../src/model/files.js';
import { engineThreads } from '../../../src/machine/processor.js';
import { CASES, type Case } from '../../cases.js';
import { runCase } from '../../measure.js';
import { reportCase } from '../../report.js';
import { spread } from '../../statistics.js';
import type { Check, Part } from '../part.js';
import { limitsOf } from './limits.js';

const JOURNAL = CASES.find(({ name }) => name === 'journal')!;
/** Completions of 256 tokens; a prompt's share none. Few steps, since they are long. */
const LONG = { max_completion_length: 256, stop: 'none', steps: 2 } as const;

const G64 = { prompts: 1, num_generations: 64 };

/** The case that TRL does too. */
export const LONG_16: Case = { ...JOURNAL, ...LONG, name: 'long-16', dtype: 'bfloat16' };

const SPEED_CASES: Case[] = [
  { ...JOURNAL, name: 'answers-16-float32' },
  { ...JOURNAL, name: 'answers-16', dtype: 'bfloat16' },
  { ...JOURNAL, name: 'answers-64', dtype: 'bfloat16', num_generations: 64 },
  LONG_16,
  { ...JOURNAL, ...LONG, ...G64, name: 'long-64', dtype: 'bfloat16' },
  { ...JOURNAL, ...LONG, name: 'long-16-float32' },
];

export const SPEED: Part[] = SPEED_CASES.map((one) => ({
  name: one.name,
  title: titleOf(one),
  kind: 'measure',
  seconds: 90,
  run: (check) => measure(check, one),
}));

export function titleOf({
  prompts,
  num_generations: group,
  stop,
  max_completion_length: longest,
  dtype,
}: Case) {
  return `${prompts} x ${group}, ${stop === 'answer' ? 'answers' : `${longest} tokens`}, ${dtype}`;
}

/** The same on the embedded model, for tests. */
const small = (one: Case): Case => ({
  ...one,
  model: 'tiny',
  num_generations: 4,
  max_completion_length: Math.min(one.max_completion_length, 16),
  steps: 1,
});

async function measure(check: Check, declared: Case): Promise<void> {
  const one = check.scale === 'full' ? declared : small(declared);
  const threads = engineThreads(0);
  const { device } = check;
  const folder = check.scale === 'full' ? undefined : await resolveModel('tiny');
  const run = await runCase(
    { kind: 'case', case: one, folder, device, threads, started: Date.now() },
    () => undefined,
  );
  const { phases, tokens } = reportCase(one, [run], limitsOf(device));
  const { step, sample, reference, train, optimizer } = phases!;
  const positions = spread(run.steps.map(({ counts }) => counts.sample.positions)).median;
  check.measured('step', step.seconds.median, 's');
  check.measured('sampling', sample.seconds.median, 's');
  check.measured('a position', (1000 * sample.seconds.median) / positions, 'ms');
  check.measured('sampled', tokens!.completion / sample.seconds.median, 'tokens/s');
  check.measured('of the limit', percent(sample.share_of_limit.median));
  check.measured('reference', reference.seconds.median, 's');
  check.measured('forward, backward', train.seconds.median, 's');
  check.measured('trained on', train.distinct_tokens_per_second.median, 'distinct tokens/s');
  check.measured('of its limit', percent(train.share_of_limit.median));
  check.measured('clipping, AdamW', optimizer.seconds.median, 's');
}
