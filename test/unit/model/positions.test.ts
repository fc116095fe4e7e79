/** A prompt and what follows it must fit the model's positions, whoever is asked. */
import { describe, expect, it } from 'vitest';
import { parseLine } from '../../../src/cli/score-line.js';
import { evaluate } from '../../../src/run/evaluate.js';
import { sft } from '../../../src/run/sft.js';
import { train } from '../../../src/experiments/train.js';
import { encodePrompt } from '../../../src/model/positions.js';
import type { Problem, Task } from '../../../src/data/tasks/task.js';
import { fakeModel, type FakeModel } from '../../support/fake-model.js';
import { codeOf } from '../../support/fixtures.js';

const POSITIONS = 20;

async function shortModel(): Promise<FakeModel> {
  const model = await fakeModel();
  Object.assign(model.config, { maxPositionEmbeddings: POSITIONS });
  return model;
}

const taskOf = (problem: Problem): Task => ({
  name: 'own',
  problems: () =>
    Array.from('abcdefghijklmnopqrstuvwxyz', (char) => ({ ...problem, prompt: problem.prompt + char })),
  reward: (completions) => completions.map(() => 0),
});

/** The prompt gets one more character, by which problems differ. */
const uses: [string, (model: FakeModel, prompt: string, completion: string) => Promise<unknown>][] = [
  [
    'generate',
    async (model, prompt, { length }) =>
      Promise.resolve(encodePrompt(model, { prompt: prompt + 'a' }, length)),
  ],
  [
    'eval',
    (model, prompt, { length }) => {
      const task = taskOf({ prompt, answer: '1' });
      const problems = [
        { prompt: 'a', answer: '1' },
        { prompt: prompt + 'a', answer: '1' },
      ];
      return evaluate(model, { task, problems, maxCompletionLength: length, batchSize: 1 });
    },
  ],
  [
    'score',
    async (model, prompt, completion) => {
      const line = JSON.stringify({ prompt: prompt + 'a', completion });
      return Promise.resolve(parseLine(model, line, 3));
    },
  ],
  [
    'train',
    (model, prompt, { length }) =>
      train(
        {
          maxSteps: 1,
          batchSize: 4,
          numGenerations: 2,
          evalSamples: 0,
          stop: 'none',
          maxCompletionLength: length,
        },
        { model, save: false, task: taskOf({ prompt, answer: '1' }) },
      ),
  ],
  [
    'sft',
    (model, prompt, { length }) =>
      sft(
        { maxSteps: 1, batchSize: 4, evalSamples: 0, maxCompletionLength: length },
        { model, save: false, task: taskOf({ prompt, answer: '1' }) },
      ),
  ],
  [
    'sft, of a long answer',
    (model, prompt, completion) =>
      sft(
        { maxSteps: 1, batchSize: 4, evalSamples: 0, maxCompletionLength: 1 },
        // The end is a token too.
        { model, save: false, task: taskOf({ prompt, answer: completion.slice(1) }) },
      ),
  ],
];

describe('positions beyond the model', () => {
  it.each(uses)('are refused, and the last is used: %s', async (_, use) => {
    const model = await shortModel();
    const calls = { ...model.calls };
    const prompt = '1'.repeat(11);
    expect(await codeOf(use(model, prompt, '1'.repeat(9)))).toBe('PROMPT_TOO_LONG');
    expect(model.calls, 'nothing was begun').toEqual(calls);
    expect(await codeOf(use(model, prompt, '1'.repeat(8)))).toBe('no error');
  });

  it('are told with the line of what is scored', async () => {
    const model = await shortModel();
    const line = JSON.stringify({ prompt_ids: new Array(15).fill(4), completion_ids: new Array(6).fill(5) });
    expect(() => parseLine(model, line, 7)).toThrow(
      "the prompt of line 7 of the input has 15 tokens; with 6 more the model's 20 positions do not suffice",
    );
  });
});
