import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadRewards } from '../../../../src/data/rewards/load.js';
import { similarityRatio } from '../../../../src/data/rewards/kinds/similarity.js';
import type { RewardSpec } from '../../../../src/data/rewards/types.js';
import type { Problem } from '../../../../src/data/tasks/task.js';
import { codeOf, fixtures, temporaryFolder } from '../../../support/fixtures.js';
import { dataTask, loadOne, problemOf, valueOf } from '../../../support/rewards.js';

type Case = [spec: RewardSpec, answer: string, completion: string, value: number];

async function check([spec, answer, completion, value]: Case, more: Partial<Problem> = {}) {
  const problem = problemOf(answer, more);
  const reward = await loadOne(spec, problem);
  expect(await valueOf(reward, completion, problem)).toBeCloseTo(value, 12);
}

describe('text rewards', () => {
  it.each<Case>([
    ['exact_match', 'Paris', ' Paris\n', 1],
    ['exact_match', ' Paris ', 'Paris', 1],
    ['exact_match', 'Paris', 'paris', 0],
    ['exact_match', 'Paris', 'Paris.', 0],
    [{ exact_match: { ignore_case: true } }, 'Paris', 'PARIS', 1],
    [{ exact_match: { tag: 'answer' } }, 'Paris', 'It is <answer> Paris </answer> of course', 1],
    [{ exact_match: { tag: 'answer' } }, 'Paris', 'Paris', 0],
    [{ exact_match: { tag: 'answer' } }, 'Paris', '<answer>Rome</answer><answer>Paris</answer>', 0],
    [{ exact_match: { tag: 'answer' } }, 'Paris', 'in <answer> tags: <answer>Paris</answer>', 1],
    [{ exact_match: { tag: 'answer' } }, 'Paris', '</answer><answer>Paris', 0],
    ['contains', 'Paris', 'It is Paris, I think', 1],
    ['contains', 'Paris', 'It is paris', 0],
    [{ contains: { ignore_case: true } }, 'Paris', 'It is paris', 1],
    ['regex:Answer: (\\w+)', 'yes', 'Answer: yes. Answer: no', 1],
    ['regex:Answer: \\w+', 'Answer: yes', 'So: Answer: yes', 1],
    ['regex:Answer: (\\w+)', 'yes', 'yes', 0],
    [{ regex: { pattern: 'is (\\w+)', ignore_case: true } }, 'yes', 'It IS Yes', 1],
    ['regex:(?<name>\\d+) apples', '5', '5 apples', 1],
    // Catastrophic where a search goes back and forth.
    ['regex:^(a+)+$', 'b', `${'a'.repeat(50_000)}!`, 0],
  ])('%j of %j: %j is %d', async (...one) => check(one));

  it.each<Case>([
    ['one_of:yes,no', 'yes', 'Yes.', 1],
    ['one_of:yes,no', 'No', 'no way', 1],
    ['one_of:yes,no', 'yes', 'I think no, or yes', 0],
    ['one_of:yes,no', 'no', 'nothing: yes, noon', 0],
    ['one_of:yes,no', 'yes', 'yesterday', 0],
    ['one_of:yes,no', 'no', 'no\u0301 yes', 0],
    [{ one_of: ['card', 'card arrival'] }, 'card arrival', 'Card\n arrival!', 1],
    [{ one_of: ['card', 'card arrival'] }, 'card', 'card, arrival', 1],
    [{ one_of: { labels: [1, 2] } }, '2', '2', 1],
    [{ one_of: ['C++', 'C'] }, 'C++', 'C++ it is', 1],
    ['one_of:好,坏', '坏', '答案是坏。', 1],
    ['one_of:ΝΑΙ,ΟΧΙΣ', 'οχις', 'Οχις', 1],
  ])('%j of %j: %j is %d', async (spec, answer, completion, value) => {
    const problem = problemOf(answer);
    expect(await valueOf(await loadOne(spec, problem), completion, problem)).toBe(value);
  });

  it('one_of takes the answers of the data for labels', async () => {
    const [cat, dog] = [problemOf('cat'), problemOf('Dog')];
    const reward = await loadOne('one_of', cat, dog);
    expect(await valueOf(reward, 'A dog, no cat', dog)).toBe(1);
    expect(await valueOf(reward, 'A dog, no cat', cat)).toBe(0);
    expect(reward.extract!('It says DOG!', cat)).toBe('dog');
  });

  it('reads the right answer in a column', async () => {
    const problem = problemOf('42', { columns: { label: 7 } });
    expect(await valueOf(await loadOne('exact_match:label', problem), '7', problem)).toBe(1);
    expect(await valueOf(await loadOne({ number: { column: 'label' } }, problem), '7.0', problem)).toBe(1);
  });
});

describe('math', () => {
  it.each<Case>([
    ['math', '3/4', '0.75', 1],
    ['math', '0.5', '\\frac{1}{2}', 1],
    ['math', '1/3', '0.333', 0],
    ['math', '42', 'x = 6 × 7 = 42.', 1],
    ['math', '42', 'We get **42**.', 1],
    ['math', '1,234', 'The answer is $1{,}234$', 1],
    ['math', '\\frac{\\frac{1}{2}}{3}', '\\boxed{1/6} and then 5', 1],
    ['math', '-5', '#### \u22125\nmore', 1],
    ['math', '8', '2^3', 1],
    ['math', '0.1', '1/10', 1],
    ['math', '12345678901234567890', '12345678901234567891', 0],
    ['math', 'x^2 + 1', '\\boxed{x^2+1}', 1],
    ['math', 'x^2 + 1', '5', 0],
    ['math', '5', '10/0', 0],
    ['math', '5', '9^9^9^9', 0],
    ['math', '5', 'sqrt(25)', 0],
    ['math', '5', '2 3', 0],
    ['math', '6', '2 3', 0],
    [{ math: { tag: 'answer' } }, '1/2', '<answer>2/4</answer> or 7', 1],
  ])('%j of %j: %j is %d', async (...one) => check(one));

  it.each<[completion: string, value: number]>([
    ['(25 - 1) * 3 / 3', 0],
    ['(5 - 1) * 6 * 1', 1],
    ['<think>', 0],
    ['(5 - 1) * 6 * 1 = 24', 1],
    ['(5 − 1) × 6 × 1', 1],
    ['24', 0],
    ['(5-1)*6', 0],
    ['51 - 6 * 1', 0],
    ['5 * 6 - 6 * 1', 0],
    ['(5-1)*6^1', 0],
    ['max(5,6,1)', 0],
  ])('countdown: %j is %d', async (completion, value) => {
    for (const nums of [[5, 6, 1, 1], '[1, 1, 5, 6]'])
      await check(['math:countdown', '24', completion, value], { columns: { nums } });
  });
});

describe('json_schema', () => {
  const schema = {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string', pattern: '^(a+)+$' }, age: { type: 'integer' } },
  };
  it.each<[completion: string, value: number]>([
    ['{"name": "aa"}', 1],
    ['{"name": "aa", "age": 1.5}', 0],
    ['{"name": "b"}', 0],
    ['{"name": "a"} and more', 1],
    ['```json\n{"name": "a"}\n```', 1],
    ['Here it is: {"name": "a"}', 0],
    ['{"name": "a"', 0],
    ['{"name": "}"}', 0],
    ['[]', 0],
    ['5', 0],
    ['', 0],
    [`{"name": "${'a'.repeat(5000)}!"}`, 0],
    ['['.repeat(15_000), 0],
  ])('%j is %d', async (completion, value) => {
    await check([{ json_schema: { schema } }, 'x', completion, value]);
  });

  it('reads a schema from a file, in the version that it names', async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, 'schema.json'),
      JSON.stringify({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        prefixItems: [{ type: 'integer' }],
      }),
    );
    const [reward] = await loadRewards('json_schema:schema.json', await dataTask([problemOf('x')]), folder);
    expect(await valueOf(reward!, '[1]', problemOf('x'))).toBe(1);
    expect(await valueOf(reward!, '["1"]', problemOf('x'))).toBe(0);
  });
});

describe('form', () => {
  it.each<Case>([
    ['format:think,answer', 'x', '<think>a</think> <answer>b</answer>', 1],
    ['format:think,answer', 'x', '<answer>b</answer><think>a</think>', 0.5],
    ['format:think,answer', 'x', '<think>a <answer>b</answer>', 0.5],
    ['format:think,answer', 'x', 'b', 0],
    [{ format: { tags: ['answer'] } }, 'x', '<answer></answer>', 1],
    ['length:10', 'x', '1234567890', 1],
    ['length:10', 'x', '123456789012345', 0.5],
    ['length:10', 'x', '1'.repeat(20), 0],
    ['length:10', 'x', '🦜'.repeat(10), 1],
    ['length:10', 'x', '', 1],
  ])('%j of %j: %j is %d', async (...one) => check(one));
});

describe('similarity', () => {
  it("is the ratio of Python's difflib", () => {
    const cases = JSON.parse(readFileSync(join(fixtures, 'similarity.json'), 'utf8')) as [
      string,
      string,
      number,
    ][];
    expect(cases.length).toBeGreaterThan(200);
    for (const [a, b, ratio] of cases) expect(similarityRatio(a, b), JSON.stringify([a, b])).toBe(ratio);
  });

  it.each<Case>([
    ['similarity', 'hello', ' hello ', 1],
    ['similarity', 'abcd', 'bcde', 0.75],
    [{ similarity: { tag: 'reversed_text' } }, 'olleh', '<reversed_text>olleh</reversed_text>', 1],
    ['similarity', 'olleh', 'x'.repeat(10_000_000), 0],
  ])('%j of %j', async (...one) => check(one));
});

describe('a bad reward is refused before work starts', () => {
  it.each<[RewardSpec | RewardSpec[], string, RegExp]>([
    ['exact_mtch', 'REWARD_NOT_FOUND', /exact_match\?/],
    ['nmber:last', 'REWARD_NOT_FOUND', /number\?/],
    ['number:lst', 'BAD_REWARD', /read of "lst"/],
    [{ number: { reed: 'last' } }, 'BAD_REWARD', /"reed": did you mean read\?/],
    [{ number: {}, format: {} }, 'BAD_REWARD', /2 rewards/],
    [{}, 'BAD_REWARD', /no rewards/],
    ['task:x', 'BAD_REWARD', /no argument/],
    ['partial_credit:x', 'BAD_REWARD', /no argument/],
    ['regex', 'BAD_REWARD', /needs pattern/],
    ['regex:(', 'BAD_REWARD', /pattern "\("/],
    ['regex:(?=a)', 'BAD_REWARD', /pattern/],
    ['regex:(a)\\1', 'BAD_REWARD', /pattern/],
    ['length', 'BAD_REWARD', /needs limit/],
    ['length:many', 'BAD_REWARD', /limit/],
    ['format', 'BAD_REWARD', /needs tags/],
    ['format:<think>', 'BAD_REWARD', /tags/],
    ['json_schema', 'BAD_REWARD', /needs schema/],
    ['json_schema:./nowhere.json', 'BAD_REWARD', /cannot read/],
    [{ json_schema: { schema: { type: 'thing' } } }, 'BAD_REWARD', /no JSON schema/],
    [{ json_schema: { schema: { $async: true } } }, 'BAD_REWARD', /asynchronous/],
    [{ json_schema: { schema: { type: 'string', pattern: '(?!a)' } } }, 'BAD_REWARD', /pattern/],
    [{ json_schema: { schema: { $ref: 'https://example.org/x.json' } } }, 'BAD_REWARD', /no JSON schema/],
    ['http:example', 'BAD_REWARD', /no address/],
    [{ http: { url: 'file:///etc/passwd' } }, 'BAD_REWARD', /no address/],
    ['one_of:yes', 'BAD_REWARD', /labels/],
    ['one_of:yes,no', 'REWARD_UNFIT', /"blue" is none of the labels/],
    ['number', 'REWARD_UNFIT', /"blue" has no number/],
    ['math:countdown', 'REWARD_UNFIT', /nums or numbers/],
    [{ math: { form: 'countdown', numbers: 'n' } }, 'REWARD_UNFIT', /column "n"/],
    ['exact_match:lable', 'REWARD_UNFIT', /did you mean label\?/],
    [['number:last', 'number:first'], 'BAD_OPTION', /two of the rewards are called number/],
  ])('%j: %s', async (spec, code, message) => {
    const task = await dataTask([problemOf('blue', { columns: { label: 'x' } })]);
    await expect(loadRewards(spec, task)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('two of a kind have a name each', async () => {
    const task = await dataTask([problemOf('5')]);
    const rewards = await loadRewards(['number:####', { number: { read: 'last', name: 'loose' } }], task);
    expect(rewards.map(({ name }) => name)).toEqual(['number', 'loose']);
  });

  it('is no name that objects bring along', async () => {
    const task = await dataTask([problemOf('5')]);
    for (const spec of ['constructor:x', { toString: 'x' }, { hasOwnProperty: {} }])
      expect(await codeOf(loadRewards(spec, task))).toBe('REWARD_NOT_FOUND');
  });
});
