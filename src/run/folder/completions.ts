/** Reads `completions.jsonl`: what was sampled, a step at a time, since the file may be larger than memory. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../../common/json.js';
import { exists } from '../../machine/files.js';
import type { TokenDetails } from '../../grpo/token-details.js';
import type { JudgedCompletion } from '../events.js';

/**
 * A line of the file: equal completions of a prompt, of which there were `count`. What its tokens were, runs of
 * older versions have not kept, or not all of it.
 */
export type RecordedCompletion = Omit<JudgedCompletion, keyof TokenDetails> &
  Partial<TokenDetails> & { step: number; count: number };

/** The completions that were sampled for a step. */
export interface RecordedStep {
  step: number;
  completions: RecordedCompletion[];
}

/** Steps whose completions a run has kept, ascending. */
export async function recordedSteps(run: string): Promise<number[]> {
  const steps = new Set<number>();
  for await (const line of linesOf(run)) {
    const step = stepOf(line);
    if (step !== undefined) steps.add(step);
  }
  return [...steps];
}

/** The completions of these steps, one step after another. */
export async function* readCompletions(
  run: string,
  steps: ReadonlySet<number>,
): AsyncGenerator<RecordedStep> {
  let current: RecordedStep | undefined;
  for await (const line of linesOf(run)) {
    const step = stepOf(line);
    if (step === undefined || !steps.has(step)) continue;
    const record = parseJson(line) as RecordedCompletion | undefined;
    if (!record) continue;
    if (current && current.step !== step) {
      yield current;
      current = undefined;
    }
    current ??= { step, completions: [] };
    current.completions.push(record);
  }
  if (current) yield current;
}

/** The step is what a line begins with: the rest needs no parsing to know it. */
function stepOf(line: string): number | undefined {
  const step = /^\{"step":(\d+)/.exec(line)?.[1];
  return step === undefined ? undefined : Number(step);
}

/** Whole lines; what a crash left of the last one is dropped. */
async function* linesOf(run: string): AsyncGenerator<string> {
  const file = join(run, 'completions.jsonl');
  if (!(await exists(file))) return;
  let rest = '';
  for await (const text of createReadStream(file, 'utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}
