/**
 * What tells one algorithm of the family from another: how rewards become advantages, and how log-probs and
 * advantages become a loss. Both are pure functions; those built in (`advantages/`, `losses/`) have the same
 * form as those that a program or a module (`--algorithm ./mine.ts`) brings.
 */
import { GrpoError, reasonOf, shown } from '../common/errors.js';
import { defaultExport } from '../machine/user-module.js';
import { groupAdvantages } from './advantages/index.js';
import type { AdvantageFunction } from './advantages/types.js';
import { policyLoss } from './losses/index.js';
import { klTerm } from './losses/kl.js';
import type { LossFunction, LossInput, LossMetrics, LossResult } from './losses/types.js';

/** A loss of your own: a `LossFunction` that may leave out all but `loss` and `dLogps`. Pure. */
export type OwnLossFunction = (
  ...args: Parameters<LossFunction>
) => Pick<LossResult, 'loss' | 'dLogps'> & Partial<LossResult>;

/**
 * An algorithm of your own, for `train(options, { advantages, loss })` or as the default export of a module
 * (`--algorithm ./mine.ts`). What is left out is built in. What the functions return is checked:
 * ALGORITHM_RESULT for a wrong length or a NaN, ALGORITHM_FAILED where one throws.
 */
export interface Algorithm {
  /** From rewards to advantages; by default as `scaleRewards` says. */
  advantages?: AdvantageFunction | undefined;
  /** From log-probabilities and advantages to a loss and its derivatives; by default as `lossType` says. */
  loss?: OwnLossFunction | undefined;
}

/**
 * An algorithm with both functions. The results of functions that are not built in are checked on each call.
 */
export interface CompleteAlgorithm {
  advantages: AdvantageFunction;
  loss: LossFunction;
}

/**
 * Loads an algorithm from a user's module.
 * @param path of a module whose default export is an `Algorithm`
 * @throws {GrpoError} MODULE_NOT_FOUND, MODULE_FAILED, ALGORITHM
 */
export async function loadAlgorithm(path: string): Promise<Algorithm> {
  const value = await defaultExport(path, process.cwd());
  const parts = Object(value) as Record<string, unknown>;
  const wrong = Object.keys(parts).filter(
    (name) => !PARTS.includes(name) || typeof parts[name] !== 'function',
  );
  if (Object.keys(parts).length > 0 && wrong.length === 0) return parts;
  const what = wrong.length > 0 ? `has ${wrong.join(', ')}` : 'has neither advantages nor loss';
  throw new GrpoError('ALGORITHM', `the default export of ${path} ${what}`, {
    fix: 'export an object with the functions `advantages` or `loss`, or both, as docs/algorithms.md shows',
    value: path,
  });
}

const PARTS = ['advantages', 'loss'];

/** Fills in the built-in functions for those that an algorithm leaves out. */
export function completeAlgorithm({ advantages, loss }: Algorithm): CompleteAlgorithm {
  return {
    advantages: advantages ? checkedAdvantages(advantages) : groupAdvantages,
    loss: loss ? checkedLoss(loss) : policyLoss,
  };
}

const checkedAdvantages =
  (advantages: AdvantageFunction): AdvantageFunction =>
  (groups, options) => {
    const values = called('advantages', () => advantages(groups, options));
    refuseWrong('advantages', values, groups.rewards.length, 'completion');
    return Float64Array.from(values);
  };

const checkedLoss =
  (loss: OwnLossFunction): LossFunction =>
  (input, options) => {
    const result = called('loss', () => loss(input, options));
    const tokens = input.logps.length;
    if (typeof (Object(result) as { loss?: unknown }).loss !== 'number')
      throw wrongResult('loss', `returned ${shown(result)}`, 'return an object with a number `loss`');
    const { dEntropies = null, dKls = null } = result;
    // A loss of NaN or Infinity is handled by the run (on_nonfinite), and its derivatives may then be NaN too.
    const mayBeNaN = !Number.isFinite(result.loss);
    refuseWrong('loss', result.dLogps, tokens, 'token', 'dLogps', mayBeNaN);
    if (dEntropies !== null) refuseWrong('loss', dEntropies, tokens, 'token', 'dEntropies', mayBeNaN);
    if (dKls !== null) refuseWrong('loss', dKls, tokens, 'token', 'dKls', mayBeNaN);
    return {
      loss: result.loss,
      dLogps: Float32Array.from(result.dLogps),
      dEntropies: dEntropies && Float32Array.from(dEntropies),
      dKls: dKls && Float32Array.from(dKls),
      metrics: { ...tokenMeans(input), ...result.metrics },
      entropyActedOn: result.entropyActedOn ?? {
        sum: sum(Array.from(input.entropies)),
        tokens,
      },
    };
  };

/** Mean entropy and mean KL, or its k3 estimate, over the tokens. */
function tokenMeans({ logps, refLogps, kls, entropies }: LossInput): LossMetrics {
  const tokens = Math.max(1, logps.length);
  return {
    entropy: sum(Array.from(entropies)) / tokens,
    ...(kls && { kl: sum(Array.from(kls)) / tokens }),
    ...(refLogps && {
      kl: sum(Array.from(logps, (logp, i) => klTerm(logp, refLogps[i]!, 1, false).value)) / tokens,
    }),
  };
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** Calls a function of the user's algorithm; what it throws becomes ALGORITHM_FAILED. */
function called<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new GrpoError('ALGORITHM_FAILED', `the algorithm's ${name} threw: ${reasonOf(cause)}`, {
      fix: 'mend the function; the run can be continued from its checkpoint',
      value: name,
      exitCode: 1,
      cause,
    });
  }
}

/** @throws {GrpoError} ALGORITHM_RESULT unless `values` is a list of `length` numbers */
function refuseWrong(
  name: string,
  values: unknown,
  length: number,
  of: string,
  part = 'what it returns',
  mayBeNaN = false,
): void {
  const list = Object(values) as ArrayLike<unknown>;
  const fix = `return a list or typed array of one number a ${of}`;
  if (list.length !== length)
    throw wrongResult(name, `${part} has ${shown(list.length)} values for ${length} ${of}s`, fix);
  const wrong = Array.from(list).findIndex(
    (value) => typeof value !== 'number' || (Number.isNaN(value) && !mayBeNaN),
  );
  if (wrong >= 0) throw wrongResult(name, `${part} has ${String(list[wrong])} at ${wrong}`, fix);
}

const wrongResult = (name: string, what: string, fix: string): GrpoError =>
  new GrpoError('ALGORITHM_RESULT', `the algorithm's ${name}: ${what}`, { fix, value: name, exitCode: 1 });
