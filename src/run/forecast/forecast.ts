/** The forecast of a run before its first step: memory, time, and whether there is anything to learn from. */
import type { TrainOptions } from '../train-options.js';
import { CUT_OFF } from '../diagnosis/rules/completions.js';
import { NO_SPREAD } from '../diagnosis/rules/groups.js';
import type { Forecast, TrainPlan } from '../events.js';
import type { Evaluation } from '../evaluate.js';
import type { Method } from '../method.js';
import type { TrainableModel } from '../../model/trainable.js';
import { bytes, percent } from '../../common/format.js';
import type { Metrics } from '../../grpo/metrics.js';
import type { SampledTogether } from './run-memory.js';

/** Groups that are sampled: enough to tell a share of a quarter from one of a half. */
const GROUPS = 16;
/** Seconds after which no further step is tried. */
const SECONDS = 5;
/** Problems that an evaluation is timed with. */
const EVALUATED = 64;

/**
 * Takes the run's first steps with a learning rate of 0, so that the weights stay as they are to the last bit.
 * @param method the run's own, but for its learning rate and its files
 */
export async function forecast(
  model: TrainableModel,
  method: Pick<Method, 'takeStep'>,
  evaluate: (model: TrainableModel, temperature: number, most: number) => Promise<Evaluation>,
  {
    steps,
    evalSamples,
    validationProblems,
    memory,
    expectedPeak,
  }: Pick<TrainPlan, 'steps' | 'evalSamples' | 'validationProblems' | 'memory'> & {
    /** Bytes at the peak of a run whose steps are like this one. */
    expectedPeak: (step: SampledTogether) => number;
  },
  options: Pick<TrainOptions, 'evalSteps' | 'numGenerations' | 'batchSize' | 'stop'>,
): Promise<Forecast> {
  const began = performance.now();
  const taken: Metrics[] = [];
  let groups = 0;
  let nonfinite = false;
  let expected = 0;
  // At least two steps: the first one allocates memory, and may take four times as long as the others.
  const enough = () => taken.length >= 2 && (groups >= GROUPS || performance.now() - began >= 1000 * SECONDS);
  while (taken.length < steps && !enough()) {
    const step = await method.takeStep(taken.length + 1);
    nonfinite ||= step.nonfinite !== undefined;
    taken.push(step.metrics);
    if (step.completions) expected = Math.max(expected, expectedPeak(step.completions));
    groups += options.batchSize / options.numGenerations;
  }
  await model.resetOptimizer();
  const evaluated = Math.min(EVALUATED, evalSamples);
  const evaluation = evaluated > 0 ? (await evaluate(model, 0, evaluated)).seconds / evaluated : 0;
  const evaluations =
    evalSamples > 0 ? 2 + Math.floor(options.evalSteps > 0 ? (steps - 1) / options.evalSteps : 0) : 0;
  const warm = taken.slice(taken.length > 1 ? 1 : 0);
  /** Mean of a metric over the steps that have it; NaN where none has. */
  const mean = (name: keyof Metrics, of = taken) => {
    const values = of.map((metrics) => metrics[name]).filter((value) => value !== undefined);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const stepSeconds = mean('step_time', warm);
  const seen = {
    groups,
    fracRewardZeroStd: mean('frac_reward_zero_std'),
    fracAllRight: mean('frac_all_right'),
    reward: mean('reward'),
    accuracy: mean('accuracy'),
    meanLength: mean('completions/mean_length'),
    clippedRatio: mean('completions/clipped_ratio'),
  };
  const asked = evalSamples + validationProblems;
  return {
    memory,
    expectedPeak: expected,
    steps,
    stepSeconds,
    hours: (steps * stepSeconds + evaluations * asked * evaluation) / 3600,
    ...seen,
    ...verdict({ ...seen, memory, nonfinite, numGenerations: options.numGenerations, stop: options.stop }),
  };
}

type Seen = Pick<TrainPlan, 'memory'> &
  Pick<Forecast, 'groups' | 'fracRewardZeroStd' | 'fracAllRight' | 'accuracy' | 'clippedRatio'> & {
    numGenerations: number;
    stop: TrainOptions['stop'];
    nonfinite: boolean;
  };

/** Whether to go on, and why. Uses the thresholds of the diagnosis. */
export function verdict(seen: Seen): Pick<Forecast, 'go' | 'reasons'> {
  const { memory, groups, accuracy, clippedRatio, fracAllRight } = seen;
  const bad: string[] = [];
  const warnings: string[] = [];
  const among = (level: { warning: number; bad: number }, share: number, text: string) => {
    if (share >= level.bad) bad.push(text);
    else if (share >= level.warning) warnings.push(text);
  };
  const solved = fracAllRight >= NO_SPREAD.bad;
  if (seen.nonfinite)
    bad.push('loss or gradient norm is NaN or infinite: look at the model and the reward function');
  if (solved)
    bad.push(
      `${percent(fracAllRight, 0)} of ${groups} groups have only right completions: there is little left to learn`,
    );
  // Groups with only right completions have no spread either; they are counted above.
  among(
    NO_SPREAD,
    seen.fracRewardZeroStd - fracAllRight,
    `in ${percent(seen.fracRewardZeroStd - fracAllRight, 0)} of ${groups} groups all completions have the same reward and not all are right: they teach nothing. ` +
      `More than ${seen.numGenerations} generations, a higher temperature, easier problems, sft first, or partial credit give a spread`,
  );
  among(
    CUT_OFF,
    clippedRatio,
    `${percent(clippedRatio, 0)} of the completions run into max_completion_length: raise it${seen.stop === 'none' ? ', or end them with --stop answer' : ''}`,
  );
  if (memory.peak > memory.available)
    warnings.push(
      `a step of the largest batch would not fit into memory (${bytes(memory.peak)} of ${bytes(memory.available)}): it would be done in parts, which takes longer`,
    );
  if (bad.length + warnings.length === 0)
    warnings.push(
      `${percent(1 - seen.fracRewardZeroStd, 0)} of ${groups} groups have a spread to learn from, ${percent(accuracy, 0)} of their completions are right, and all fits into memory`,
    );
  return { go: bad.length === 0, reasons: [...bad, ...warnings] };
}
