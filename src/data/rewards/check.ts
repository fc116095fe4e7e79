/** Tries reward functions on right, wrong, empty and odd completions (the command `check-reward`). */
import type { Completion, Problem, Task } from '../tasks/task.js';
import { judge } from './judge.js';
import { rulesOf, type Rules } from './rules.js';
import type { NamedReward } from './types.js';

export interface CheckedCompletion {
  /** The kind of completion that this is an example of. */
  kind: string;
  prompt: string;
  answer: string;
  completion: string;
  /** The answer that is read in it. */
  extracted: string;
  /** The value of each reward function by name; null: it returned null, or failed. */
  rewards: Record<string, number | null>;
  /**
   * Whether an evaluation would count it as right, given the rewards; null where a reward failed.
   */
  correct: boolean | null;
  /** Errors by the name of the reward that failed, or `extract` or `isCorrect`. */
  errors: Record<string, { code: string; message: string }>;
}

export interface RewardCheck {
  task: string;
  completions: CheckedCompletion[];
  /** Spellings of an answer, and how a reward reads each; empty where none has several. */
  spellings: { reward: string; text: string; read: string }[];
  /** Problems that a run with these rewards would have. */
  complaints: string[];
}

const MEGABYTE = 1_000_000;

/**
 * @param write makes a completion that gives an answer in the form that the rewards ask for; null: none is known
 * @param other the answer of another problem, which is wrong for this one
 */
function examples(
  write: (answer: string) => string | null,
  answer: string,
  other: string,
): [kind: string, completion: string][] {
  const [right, wrong] = [write(answer), write(other)];
  return [
    ...(right === null || wrong === null
      ? []
      : ([
          ['right', right],
          ['right, more follows', `${right}\n\nQuestion: what is 1 + 1?`],
          ['right, after words', ` The answer is ${right}.`],
          ['right, then wrong', `${right} ${wrong}`],
          ['wrong', wrong],
          ['wrong, then right', `${wrong} ${right}`],
          ['right, negative', write(`-${answer}`)!],
          ['right, with a fraction', write(`${answer}.5`)!],
        ] satisfies [string, string][])),
    ['empty', ''],
    ['spaces', ' \n\t '],
    ['no answer', 'I am not sure.'],
    ['unicode', '答えは 👩‍👩‍👧 ٤٢ ４２ \u202Eabc\u0000\uD800'],
    ['huge', `${'x '.repeat(MEGABYTE / 2)}${right ?? answer}`],
    ['huge number', '9'.repeat(MEGABYTE)],
  ];
}

/** @param timeout seconds for one call; 0: no limit */
export async function checkReward(
  task: Task,
  rewards: readonly NamedReward[],
  problems: readonly Problem[],
  timeout: number,
): Promise<RewardCheck> {
  const completions: CheckedCompletion[] = [];
  const rules = rulesOf(task, rewards);
  for (const problem of problems) {
    const other = problems.find(({ answer }) => answer !== problem.answer)?.answer ?? `${problem.answer}?`;
    for (const [kind, completion] of examples(writerOf(rewards, problem), problem.answer, other))
      completions.push(await checkOne(rules, rewards, problem, kind, completion, timeout));
  }
  const spellings = rewards.flatMap(({ name, extract, spellings: texts = [] }) =>
    texts.map((text) => ({ reward: name, text, read: extract!(text, problems[0]!) })),
  );
  return { task: task.name, completions, spellings, complaints: complaintsOf(completions, rewards) };
}

/** Writes an answer as the rewards that read it want it, and what form they ask for around it. */
function writerOf(rewards: readonly NamedReward[], problem: Problem): (answer: string) => string | null {
  const readers = rewards.filter(({ isCorrect }) => isCorrect);
  const writers = [...readers, ...rewards.filter(({ isCorrect }) => !isCorrect)];
  return (answer) =>
    writers.reduce<string | null>(
      (text, { write }) => (text === null || !write ? text : write(text, problem)),
      answer,
    );
}

async function checkOne(
  rules: Rules,
  rewards: readonly NamedReward[],
  problem: Problem,
  kind: string,
  completion: string,
  timeout: number,
): Promise<CheckedCompletion> {
  const { prompt, answer } = problem;
  const judged: Completion = { prompt, completion, answer, problem };
  const errors: CheckedCompletion['errors'] = {};
  const attempt = async <T>(name: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      const { code = 'UNEXPECTED', message } = error as Error & { code?: string };
      errors[name] = { code, message: shorten(message) };
      return undefined;
    }
  };
  const values: Record<string, number | null> = {};
  for (const { name, reward } of rewards) {
    const value = await attempt(name, async () => (await judge(reward, [judged], { name, timeout }))[0]!);
    values[name] = value === undefined || Number.isNaN(value) ? null : value;
  }
  const extracted = await attempt('extract', () => rules.extract(completion, problem));
  const correct =
    Object.keys(errors).length > 0
      ? null
      : await attempt('isCorrect', () =>
          rules.isCorrect(
            judged,
            rewards.map(({ name }) => values[name] ?? NaN),
            total(values),
          ),
        );
  return {
    kind,
    prompt,
    answer,
    completion,
    extracted: extracted ?? '',
    rewards: values,
    correct: correct ?? null,
    errors,
  };
}

const total = (rewards: CheckedCompletion['rewards']) =>
  Object.values(rewards).reduce<number>((sum, value) => sum + (value ?? 0), 0);

const shorten = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}...` : text);

function complaintsOf(completions: readonly CheckedCompletion[], rewards: readonly NamedReward[]): string[] {
  const complaints: string[] = [];
  for (const { kind, errors } of completions)
    for (const [name, { code, message }] of Object.entries(errors))
      complaints.push(`${name} fails at a completion of the kind "${kind}": ${code}: ${message}`);
  const ofKind = (kind: string) => completions.filter((one) => one.kind === kind);
  ofKind('right').forEach((right, i) => {
    for (const kind of ['wrong', 'empty'])
      if (total(right.rewards) <= total(ofKind(kind)[i]!.rewards))
        complaints.push(
          `to ${JSON.stringify(right.prompt)} a right completion earns ${total(right.rewards)}, and one that is ${kind} ${total(ofKind(kind)[i]!.rewards)}: nothing would be learned from the difference`,
        );
  });
  for (const { name } of rewards)
    if (completions.every(({ rewards: values }) => values[name] === null))
      complaints.push(`${name} gives no reward (null) to any completion`);
  return [...new Set(complaints)];
}
