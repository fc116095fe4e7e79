import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checkReward } from '../../../../src/data/rewards/check.js';
import type { RewardFunction } from '../../../../src/data/tasks/task.js';
import { loadRewards } from '../../../../src/data/rewards/load.js';
import { rewardCheckText } from '../../../../src/ui/terminal/reward-check.js';
import { dataTask, problemOf } from '../../../support/rewards.js';
import { arithmetic } from '../../../../src/data/tasks/arithmetic.js';

const task = arithmetic();
const problems = [
  { prompt: 'Calculate: 9 + 5 = ', answer: '14' },
  { prompt: 'Calculate: 20 - 17 = ', answer: '3' },
];
const check = (reward: RewardFunction, timeout = 5) =>
  checkReward(task, [{ name: 'mine', reward }], problems, timeout);

describe('checking a reward', () => {
  it('shows how each completion was read and judged', async () => {
    const { completions, complaints } = await checkReward(
      task,
      [{ name: 'task', reward: task.reward }],
      problems,
      5,
    );
    expect(complaints).toEqual([]);
    const of = (kind: string) => completions.find((one) => one.kind === kind)!;
    expect(of('right')).toMatchObject({
      completion: '14',
      extracted: '14',
      rewards: { task: 1 },
      correct: true,
    });
    expect(of('wrong')).toMatchObject({
      completion: '3',
      extracted: '3',
      rewards: { task: -1 },
      correct: false,
    });
    expect(of('right, with a fraction')).toMatchObject({ extracted: '14', rewards: { task: 1 } });
    expect(of('empty')).toMatchObject({ completion: '', extracted: '', rewards: { task: -1 } });
    expect(of('huge').completion.length).toBeGreaterThan(1e6 - 1);
    expect(completions.filter(({ prompt }) => prompt === problems[1]!.prompt)).toHaveLength(
      completions.length / 2,
    );
  });

  it('names the kind of completion that a reward fails at', async () => {
    const { completions, complaints } = await check((all) =>
      all.map(({ completion, answer }) => (completion.match(/-?\d+/)![0] === answer ? 1 : 0)),
    );
    const failed = completions.filter(({ errors }) => 'mine' in errors).map(({ kind }) => kind);
    expect(new Set(failed)).toEqual(new Set(['empty', 'spaces', 'no answer', 'unicode']));
    expect(complaints[0]).toMatch(/mine fails at a completion of the kind "empty": REWARD_FAILED/);
    expect(completions.find(({ kind }) => kind === 'empty')).toMatchObject({
      rewards: { mine: null },
      correct: null,
    });
  });

  it('finds a pattern that takes for ever at what is huge', async () => {
    const slow: RewardFunction = (all) =>
      all.map(({ completion, answer }) =>
        completion.length > 1000 && /^(\d+)+$/.test(`${'9'.repeat(40)}!`)
          ? 0
          : Number(completion.startsWith(answer)),
      );
    const { complaints } = await check(slow, 0.2);
    expect(complaints.join('\n')).toMatch(/"huge.*": REWARD_TIMEOUT/);
  });

  it.each<[string, RewardFunction, RegExp]>([
    ['no difference', (all) => all.map(() => 0), /right completion earns 0, and one that is wrong 0/],
    ['nothing to say', (all) => all.map(() => null), /no reward \(null\) to any completion/],
    ['too few values', () => [], /REWARD_COUNT/],
  ])('complains of %s', async (_, reward, complaint) => {
    expect((await check(reward)).complaints.join('\n')).toMatch(complaint);
  });
});

describe('checking rewards by name', () => {
  const named = async (spec: Parameters<typeof loadRewards>[0], ...answers: string[]) => {
    const rows = answers.map((answer) => problemOf(answer, { columns: { nums: [2, 3] } }));
    const task = await dataTask(rows);
    return checkReward(task, await loadRewards(spec, task), rows, 5);
  };

  it('writes answers in the form that they ask for', async () => {
    const { completions, complaints } = await named(
      ['format:think,answer', { number: { tag: 'answer', read: 'boxed' } }, 'length:99'],
      '1,234',
      '7',
    );
    expect(complaints).toEqual([]);
    const of = (kind: string) => completions.find((one) => one.kind === kind)!;
    expect(of('right')).toMatchObject({
      completion: '<think>...</think><answer>\\boxed{1234}</answer>',
      extracted: '1234',
      rewards: { format: 1, number: 1, length: 1 },
      correct: true,
    });
    expect(of('wrong')).toMatchObject({ extracted: '7', rewards: { format: 1, number: 0 }, correct: false });
    expect(of('no answer')).toMatchObject({ rewards: { format: 0, number: 0 }, correct: false });
  });

  it('tries no right completion where it knows none', async () => {
    const { completions, complaints } = await named('math:countdown', '5', '6');
    expect(complaints).toEqual([]);
    expect(completions.some(({ kind }) => kind.startsWith('right'))).toBe(false);
    expect(completions.some(({ kind }) => kind === 'huge')).toBe(true);
  });

  it('shows how numbers are read', async () => {
    const check = await named(['exact_match', { number: { tag: 'answer' } }], '5', '6');
    const read = Object.fromEntries(check.spellings.map(({ text, read: value }) => [text, value]));
    expect(read).toMatchObject({
      '<answer>1,234</answer>': '1234',
      '<answer>\u22121,234.50</answer>': '-1234.5',
      '<answer>five</answer>': '',
    });
    expect(check.spellings.every(({ reward }) => reward === 'number')).toBe(true);
    const text = stripVTControlCharacters(rewardCheckText(check, 110));
    expect(text).toMatch(/How number reads/);
    expect(text).toMatch(/<answer>five<\/answer> +│ nothing/);
  });
});
