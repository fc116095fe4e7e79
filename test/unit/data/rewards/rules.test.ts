import { describe, expect, it } from 'vitest';
import { loadRewards } from '../../../../src/data/rewards/load.js';
import { rulesOf } from '../../../../src/data/rewards/rules.js';
import type { RewardSpec } from '../../../../src/data/rewards/types.js';
import { loadTask } from '../../../../src/data/tasks/index.js';
import type { Task } from '../../../../src/data/tasks/task.js';
import type { SampleOptions, Samples } from '../../../../src/model/language-model.js';
import { evaluate } from '../../../../src/run/evaluate.js';
import { fakeModel } from '../../../support/fake-model.js';
import { dataTask, problemOf } from '../../../support/rewards.js';

const problem = problemOf('5');

async function rules(spec: RewardSpec | RewardSpec[], task?: Task, weights: number[] | null = null) {
  const given = task ?? (await dataTask([problem]));
  const rewards = await loadRewards(spec, given);
  const { isCorrect, ...others } = rulesOf(given, rewards, weights);
  return {
    ...others,
    isRight: async (text: string) => {
      const completion = { ...problem, completion: text, problem };
      const values = await Promise.all(rewards.map(async ({ reward }) => (await reward([completion]))[0]!));
      return isCorrect(
        completion,
        values,
        values.reduce<number>((sum, value) => sum + value, 0),
      );
    },
  };
}

describe('a completion is right', () => {
  it('where the rewards that judge its answer say so, whatever its form earns', async () => {
    const { isRight, extract } = await rules([
      'format:think,answer',
      { number: { tag: 'answer' } },
      'length:99',
    ]);
    expect(await isRight('<think></think><answer>6</answer>')).toBe(false);
    expect(await isRight('<answer>5.0</answer>')).toBe(true);
    expect(extract('<answer>5.0</answer>', problem)).toBe('5');
  });

  it('where all of them do', async () => {
    const { isRight } = await rules(['number', { json_schema: { schema: { type: 'integer' } } }]);
    expect(await isRight('5')).toBe(true);
    expect(await isRight('5.0 kg')).toBe(false);
    expect(await isRight('6')).toBe(false);
  });

  it('whatever a reward of weight 0 says, which is a metric only', async () => {
    const spec: RewardSpec[] = ['number:####', { number: { read: 'last', name: 'last' } }];
    expect(await (await rules(spec, undefined, [1, 0])).isRight('#### 5 of 6')).toBe(true);
    expect(await (await rules(spec, undefined, [1, 1])).isRight('#### 5 of 6')).toBe(false);
    const { isRight, extract, stop } = await rules(spec, undefined, [0, 1]);
    expect(await isRight('#### 6, no, 5')).toBe(true);
    expect(extract('#### 6, no, 5', problem)).toBe('5');
    // Its metric is of whole completions too.
    expect(stop).toBeUndefined();
  });

  it("by the task's rule where none judges the answer", async () => {
    const { isRight } = await rules(['format:answer', 'length:99']);
    expect(await isRight('5')).toBe(true);
    expect(await isRight('<answer>5</answer>')).toBe(false);
    const arithmetic = await rules('partial_credit', await loadTask('arithmetic'));
    expect(await arithmetic.isRight('5')).toBe(true);
    expect(await arithmetic.isRight('6')).toBe(false);
  });

  it("by the task's own value, not the sum, where the task has no rule", async () => {
    const task: Task = { name: 'mine', problems: () => [problem], reward: (all) => all.map(() => -1) };
    expect(await (await rules(['task', 'length:99'], task)).isRight('5')).toBe(false);
  });
});

describe('a completion ends', () => {
  const decided = async (spec: RewardSpec | RewardSpec[], text: string, task?: Task) =>
    (await rules(spec, task)).stop?.(text, problem);

  it('where all rewards are decided', async () => {
    const both: RewardSpec[] = ['format:think,answer', { number: { tag: 'answer' } }];
    expect(await decided(both, '<think></think><answer>5')).toBe(false);
    expect(await decided(both, '<think></think><answer>5</answer>')).toBe(true);
    expect(await decided([...both, 'length:10'], '<answer>5</answer>')).toBe(false);
    expect(await decided([...both, 'length:9'], '<answer>5</answer>')).toBe(true);
  });

  it('not early where one is never decided before the end', async () => {
    expect((await rules(['number', 'similarity'])).stop).toBeUndefined();
    expect((await rules('exact_match')).stop).toBeUndefined();
  });

  it("where the task says, for rewards that don't: partial credit, and modules", async () => {
    const arithmetic = await loadTask('arithmetic');
    expect(await decided('partial_credit', '25', arithmetic)).toBe(false);
    expect(await decided('partial_credit', '25\n', arithmetic)).toBe(true);
    expect((await rules(['task', 'partial_credit'], arithmetic)).stop).toBe(arithmetic.stop);
  });
});

it('an evaluation counts by these rules', async () => {
  const task = await dataTask([problem]);
  const reward = await loadRewards(['number', 'format:answer'], task);
  const said = ['6', '5 <answer></answer>', '<answer>5</answer>', '7 <answer></answer>'];
  const model = Object.assign(await fakeModel(), {
    sample: ({ prompts }: SampleOptions): Promise<Samples> =>
      Promise.resolve({
        computed: 0,
        completions: prompts.map((_, prompt) => ({
          prompt,
          ids: new Int32Array(1),
          text: said[prompt]!,
          logps: new Float32Array(1),
          ended: 'eos' as const,
        })),
      }),
  });
  const problems = Array.from({ length: 4 }, (_, i) => ({ ...problem, prompt: `Question ${i}` }));
  const judged: [string, boolean, number][] = [];
  const result = await evaluate(model, {
    task,
    problems,
    reward,
    rewardWeights: [1, 0.5],
    maxCompletionLength: 8,
    onCompletion: ({ completion, correct, reward: sum }) => judged.push([completion, correct, sum]),
  });
  expect(judged).toEqual([
    ['6', false, 0],
    ['5 <answer></answer>', true, 1.5],
    ['<answer>5</answer>', true, 1.5],
    ['7 <answer></answer>', false, 0.5],
  ]);
  expect(result).toMatchObject({ correct: 2, total: 4, reward: 0.875 });
});
