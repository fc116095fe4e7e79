import { expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/common/nearest.js';

it('finds the word that was meant', () => {
  const commands = ['setup', 'doctor', 'train', 'sft', 'eval', 'generate', 'score'];
  expect(nearest('trian', commands)).toBe('train');
  expect(nearest('evla', commands)).toBe('eval');
  expect(nearest('genrate', commands)).toBe('generate');
  expect(nearest('xxxxxxxxxx', commands)).toBeUndefined();
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('trian', 'train')).toBe(1);
});
