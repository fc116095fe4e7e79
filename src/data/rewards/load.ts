/**
 * Finds the reward functions of the option `reward`: the task's own, built-in ones with their arguments, or those of
 * a user's module.
 */
import { basename, extname } from 'node:path';
import { GrpoError, shown } from '../../common/errors.js';
import { isObject } from '../../common/json.js';
import { nearest } from '../../common/nearest.js';
import { loadProblems } from '../tasks/dataset.js';
import type { Problem, RewardFunction, Task } from '../tasks/task.js';
import { asModule, defaultExport, isModulePath } from '../../machine/user-module.js';
import { REWARD_KINDS } from './kinds/index.js';
import { ownReward } from './rules.js';
import {
  badReward,
  type MadeReward,
  type NamedReward,
  type RewardContext,
  type RewardSpec,
} from './types.js';

/** Name of the task's own reward. */
const OWN = 'task';
/** Names that `--reward` takes, beside the path of a module. */
const REWARD_NAMES = [OWN, ...Object.keys(REWARD_KINDS)];

/**
 * Reward functions by name.
 *
 * @param spec `task` (the task's own), a name with or without an argument (`number:last`), an object with its
 * options (`{ number: { read: 'last', tag: 'answer' } }`), paths of modules, or a list of these; null: the task's
 * own. docs/rewards.md has the names
 * @param folder that relative paths start from; default the working directory
 * @throws {GrpoError} REWARD_NOT_FOUND; BAD_REWARD where an argument is bad; REWARD_UNFIT where a problem has no
 * answer that the reward can judge by; MODULE_NOT_FOUND, MODULE_FAILED; BAD_OPTION where two have one name;
 * JUDGE_UNREACHABLE, JUDGE_REFUSED, JUDGE_ANSWER
 *
 * @example
 * ```ts
 * const rewards = await loadRewards(['number:last', './brevity.ts'], await loadTask('arithmetic'));
 * ```
 */
export async function loadRewards(
  spec: RewardSpec | readonly RewardSpec[] | null,
  task: Task,
  folder = process.cwd(),
): Promise<NamedReward[]> {
  const specs = spec === null ? [OWN] : Array.isArray(spec) ? (spec as RewardSpec[]) : [spec as RewardSpec];
  let loaded: Promise<readonly Problem[]> | undefined;
  const problems = () => (loaded ??= loadProblems(task).then((found) => found.problems));
  const made: NamedMade[] = await Promise.all(
    specs.map(async (one) => (one === OWN ? ownReward(task) : loadOne(one, { problems, folder }))),
  );
  const names = made.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new GrpoError('BAD_OPTION', `two of the rewards are called ${twice}`, {
      fix: 'give each reward once, modules different file names, and one that is there twice a name: {number: {read: last, name: last_number}}. Metrics are named by these',
      value: twice,
    });
  if (made.some(({ unfit }) => unfit)) refuseUnfit(made, await problems());
  return made;
}

type NamedMade = MadeReward & { name: string };

async function loadOne(spec: RewardSpec, context: RewardContext): Promise<NamedMade> {
  const { name, given } = typeof spec === 'string' ? parseText(spec) : parseObject(spec);
  if (name === OWN) throw badReward('task takes no argument', 'write task', given);
  if (Object.hasOwn(REWARD_KINDS, name)) {
    const { name: called = name, ...options } = isObject(given) ? given : {};
    if (typeof called !== 'string' || called === '')
      throw badReward(`the name of ${name} is ${shown(called)}`, 'give it a text', called);
    const kind = await REWARD_KINDS[name]!();
    return { name: called, ...(await kind.load(name, isObject(given) ? options : given, context)) };
  }
  if (isModulePath(name) && given === undefined)
    return { name: basename(name, extname(name)), reward: await loadReward(name, context.folder) };
  const meant = nearest(name, REWARD_NAMES);
  throw new GrpoError(
    'REWARD_NOT_FOUND',
    `there is no reward ${shown(name)}${meant ? `: did you mean ${meant}?` : ''}`,
    {
      fix: `use one of ${REWARD_NAMES.join(', ')} (docs/rewards.md), or the path of a module such as ./my-reward.ts`,
      value: name,
    },
  );
}

/** A name or path, and the argument after its colon. */
function parseText(spec: string): { name: string; given?: string } {
  // Nothing is fetched to be run.
  if (/^https?:\/\//i.test(spec) && !isModulePath(spec)) return { name: 'http', given: spec };
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  if (Object.hasOwn(REWARD_KINDS, name) || name === OWN)
    return colon < 0 ? { name } : { name, given: spec.slice(colon + 1) };
  return isModulePath(spec) ? { name: spec } : { name };
}

function parseObject(spec: Record<string, unknown>): { name: string; given: unknown } {
  const [entry, ...more] = Object.entries(spec);
  if (!entry || more.length > 0)
    throw badReward(
      `${shown(spec)} names ${entry ? more.length + 1 : 'no'} rewards`,
      'write a list, each reward with its options: [{number: {read: last}}, {format: {tags: [answer]}}]',
      spec,
    );
  return { name: entry[0], given: entry[1] ?? undefined };
}

/** Problems that are looked at before a run, for answers that a reward can't judge by. */
function refuseUnfit(rewards: readonly NamedMade[], problems: readonly Problem[]): void {
  for (const { name, unfit } of rewards)
    for (const [i, problem] of problems.entries()) {
      const what = unfit?.(problem);
      if (what === undefined) continue;
      throw new GrpoError(
        'REWARD_UNFIT',
        `${name} can't judge problem ${i + 1}, ${shown(problem.prompt)}: ${what}`,
        {
          fix: 'correct the data, name the column that has the answers ({NAME: {column: COLUMN}}), or take another reward',
          value: problem.answer,
        },
      );
    }
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
  throw badReward(
    `${path}: the default export is ${reward === null ? 'null' : typeof reward}, not a function`,
    'default-export a function that takes a list of { prompt, completion, answer } and returns a number for each',
    path,
  );
}
