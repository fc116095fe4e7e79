/** Feeds a target with inputs, and counts how they ended. */
import fc from 'fast-check';
import { outcomeOf, type Target } from './targets.js';

export interface Tally {
  runs: number;
  /** How often each outcome: `read`, or a code. */
  outcomes: Map<string, number>;
  /** The smallest input found that ends in another way, and how. */
  failure?: { input: unknown; error: unknown };
}

/** @param limit inputs and milliseconds; the seed decides the inputs */
export async function fuzz(
  target: Target,
  limit: { runs: number; seed: number; milliseconds?: number },
): Promise<Tally> {
  const outcomes = new Map<string, number>();
  const property = fc.asyncProperty(target.inputs, async (input) => {
    const outcome = await outcomeOf(target, input);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  });
  const result = await fc.check(property, {
    numRuns: limit.runs,
    seed: limit.seed,
    ...(limit.milliseconds !== undefined && {
      interruptAfterTimeLimit: limit.milliseconds,
      markInterruptAsFailure: false,
    }),
  });
  return {
    runs: result.numRuns,
    outcomes,
    ...(result.counterexample && {
      failure: { input: result.counterexample[0], error: result.errorInstance },
    }),
  };
}
