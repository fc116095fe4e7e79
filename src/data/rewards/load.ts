/**
 * Finds the reward functions of the option `reward`: the task's own, built-in ones, or those of a user's
 * module.
 */
import { basename, extname } from 'node:path';
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import type { RewardFunction, Task } from '../tasks/task.js';
import { asModule, defaultExport, isModulePath } from '../../machine/user-module.js';
import { partialCredit } from './partial-credit.js';

/** A reward function with its name. */
export interface NamedReward {
  /** Its name in metrics: `rewards/NAME/mean`. */
  name: string;
  /** The function. */
  reward: RewardFunction;
}

/** Name of the task's own reward. */
const OWN = 'task';
/** To add one: a file beside this one, and a line here. */
const REWARDS: Record<string, RewardFunction> = { partial_credit: partialCredit };

/** Names that `--reward` takes, beside the path of a module. */
const REWARD_NAMES = [OWN, ...Object.keys(REWARDS)];

/**
 * Reward functions by name.
 *
 * @param spec `task` (the task's own), `partial_credit`, paths of modules, or a list of these; null: the task's
 * own
 * @param folder that relative paths start from; default the working directory
 * @throws {GrpoError} REWARD_NOT_FOUND, BAD_REWARD, MODULE_NOT_FOUND, MODULE_FAILED, BAD_OPTION where two have
 * one name
 *
 * @example
 * ```ts
 * const rewards = await loadRewards(['task', './brevity.ts'], await loadTask('arithmetic'));
 * ```
 */
export async function loadRewards(
  spec: string | readonly string[] | null,
  task: Task,
  folder = process.cwd(),
): Promise<NamedReward[]> {
  const specs = spec === null ? [OWN] : typeof spec === 'string' ? [spec] : spec;
  const rewards = await Promise.all(
    specs.map(async (one): Promise<NamedReward> => {
      if (one === OWN) return { name: OWN, reward: task.reward };
      if (Object.hasOwn(REWARDS, one)) return { name: one, reward: REWARDS[one]! };
      if (isModulePath(one))
        return { name: basename(one, extname(one)), reward: await loadReward(one, folder) };
      const meant = nearest(one, REWARD_NAMES);
      throw new GrpoError(
        'REWARD_NOT_FOUND',
        `there is no reward ${shown(one)}${meant ? `: did you mean ${meant}?` : ''}`,
        {
          fix: `use ${REWARD_NAMES.join(' or ')}, or the path of a module such as ./my-reward.ts`,
          value: one,
        },
      );
    }),
  );
  const names = rewards.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return rewards;
  throw new GrpoError('BAD_OPTION', `two of the rewards are called ${twice}`, {
    fix: 'give each reward once, and modules different file names: metrics are named by these',
    value: twice,
  });
}

/**
 * The reward function that a module default-exports.
 *
 * @param folder that a relative path starts from; default the working directory
 * @throws {GrpoError} BAD_REWARD, MODULE_NOT_FOUND, MODULE_FAILED
 *
 * @example
 * ```ts
 * const reward = await loadReward('./brevity.ts');
 * ```
 */
export async function loadReward(path: string, folder = process.cwd()): Promise<RewardFunction> {
  const reward = await defaultExport(path, folder);
  if (typeof reward === 'function')
    return (completions) => asModule(path, () => (reward as RewardFunction)(completions));
  throw new GrpoError(
    'BAD_REWARD',
    `${path}: the default export is ${reward === null ? 'null' : typeof reward}, not a function`,
    {
      fix: 'default-export a function that takes a list of { prompt, completion, answer } and returns a number for each',
      value: path,
    },
  );
}
