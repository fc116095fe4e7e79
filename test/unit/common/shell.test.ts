import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellOption, shellWord } from '../../../src/common/shell.js';

it.each([
  'runs/tiny-arithmetic/final',
  'my runs/ä b',
  "it's",
  '~/x',
  '$HOME `id` "x" \\ !',
  "two\nlines\tand 'quotes' \\n",
  'é\n\u2028\u009b',
  '*',
  '',
])('bash reads %j as it was', (text) => {
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const read = (command: string) => execFileSync('bash', ['-c', command], { encoding: 'utf8', env });
  expect(read(`printf %s ${shellWord(text)}`)).toBe(text);
});

it('leaves plain words as they are, and keeps a value from being another option', () => {
  expect(shellOption('model', 'runs/a-b_1.0/final')).toBe('--model runs/a-b_1.0/final');
  expect(shellOption('prompt', '- item')).toBe("--prompt='- item'");
});
