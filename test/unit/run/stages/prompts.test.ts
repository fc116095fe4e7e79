import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../../src/data/tasks/task.js';
import { problemsToCheck } from '../../../../src/run/stages/prompts.js';

const numbered = (count: number): Problem[] =>
  Array.from({ length: count }, (_, i) => ({ prompt: `problem ${i}`, answer: '1' }));

describe('problemsToCheck', () => {
  it('takes all where they are few, each once', () => {
    const problems = numbered(5000);
    expect(problemsToCheck([...problems, ...problems], 100)).toEqual(problems);
  });

  it('of many takes the longest, by bytes', () => {
    const long: Problem = { prompt: '長い'.repeat(10), answer: '1' };
    const short = numbered(20_000);
    const checked = problemsToCheck([...short, long], 100_000);
    expect(checked).toHaveLength(5000);
    expect(checked[0]).toBe(long);
    const longest = (problem: Problem) => problem.prompt.length >= 'problem 10000'.length;
    expect(checked.slice(0, 5000).every(longest)).toBe(true);
    const answers = problemsToCheck(
      [...short, { prompt: 'a', answer: 'b'.repeat(99) }],
      100_000,
      (p) => p.answer,
    );
    expect(answers[0]!.prompt).toBe('a');
  });

  it('leaves out none that may be too long', () => {
    const problems = numbered(20_000).map((problem) => ({
      ...problem,
      prompt: problem.prompt.padEnd(400, '.'),
    }));
    expect(problemsToCheck(problems, 2200)).toHaveLength(5000);
    expect(problemsToCheck(problems, 2199)).toHaveLength(20_000);
    expect(problemsToCheck(problems, 100)).toHaveLength(20_000);
  });

  it('takes a conversation of each order of roles', () => {
    const user = { role: 'user', content: 'a' };
    const system = { role: 'system', content: 'a' };
    const texts = numbered(20_000).map((problem) => ({ ...problem, prompt: problem.prompt.padEnd(99) }));
    const conversations = [[user], [user, user], [system, user], [user]].map((messages, i): Problem => ({
      prompt: `${i}`,
      messages,
      answer: '1',
    }));
    const checked = problemsToCheck([...texts, ...conversations], 100_000);
    const roles = checked.flatMap(({ messages }) =>
      messages ? [messages.map(({ role }) => role).join()] : [],
    );
    expect(roles.sort()).toEqual(['system,user', 'user', 'user,user']);
  });
});
