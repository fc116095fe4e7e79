import { expect, it } from 'vitest';
import { loadOne, problemOf, valueOf } from '../../../support/rewards.js';

const reads = async (read: string, text: string) =>
  (await loadOne(`number:${read}`, problemOf('1'))).extract!(text, problemOf('1'));

it.each<[text: string, read: string]>([
  ['42', '42'],
  ['1,234', '1234'],
  ['1,234,567.50', '1234567.5'],
  ['1.234.567,5', '1234567.5'],
  ['1{,}234', '1234'],
  ['1\u202f234', '1234'],
  ["1'234", '1234'],
  ['12,34', '12'],
  ['1,2345', '1'],
  ['1, 234', '1'],
  ['0,123', '0'],
  ['+7', '7'],
  ['007', '7'],
  ['-0', '0'],
  ['0.50', '0.5'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['It is 5. Then', '5'],
  ['100', '100'],
  ['0.001', '0.001'],
  ['\u22125', '-5'],
  ['(-5)', '-5'],
  ['x = -5', '-5'],
  ['10-5', '10'],
  ['x-5', '5'],
  ['$1,234.00', '1234'],
  ['-$5', '-5'],
  ['$-5', '-5'],
  ['\\$5', '5'],
  ['1e3', '1000'],
  ['2.5E-3', '0.0025'],
  ['5 eggs', '5'],
  ['5th', '5'],
  ['50%', '50'],
  ['3/4', '3/4'],
  ['x2 is 7', '7'],
  ['version 1.2.3', '1.2'],
  ['答案是42。', '42'],
  ['\uff14\uff12', '42'],
  ['\u0664\u0662', '42'],
  ['', ''],
  ['five', ''],
  ['1e999999999999999999999', '1e999999999999999999999'],
])('the first number of %j is %j', async (text, read) => {
  expect(await reads('first', text)).toBe(read);
});

it.each<[read: string, text: string, number: string]>([
  ['last', '1 + 2 = 3.', '3'],
  ['last', '10-5', '5'],
  ['last', 'from 3\u20135', '5'],
  ['last', '1,234 and 5,678', '5678'],
  ['last', 'none', ''],
  ['####', '12 eggs #### 1,000', '1000'],
  ['####', '#### $5 #### 6', '5'],
  ['####', '#### **-5**', '-5'],
  ['####', '#### Step 1: add\n#### 7', '7'],
  ['####', '####\n5', ''],
  ['####', '5', ''],
  ['boxed', '3, so \\boxed{1{,}234}', '1234'],
  ['boxed', '\\boxed{\\text{about } 5 \\text{ cm}} \\boxed{6}', '5'],
  ['boxed', '\\boxed{5', ''],
])('number:%s of %j is %j', async (read, text, number) => {
  expect(await reads(read, text)).toBe(number);
});

it.each<[answer: string, completion: string, value: number]>([
  ['1234', '1,234.0', 1],
  ['1,234', '1234', 1],
  ['0.1', '0.10000000000000001', 0],
  ['12345678901234567890', '12345678901234567891', 0],
  ['12345678901234567890', '12,345,678,901,234,567,890', 1],
  ['5', '-5', 0],
  ['3', '3/4', 0],
  ['5', 'five', 0],
  ['She has 48/2 = 24. #### 72', '72', 1],
  ['She has 48/2 = 24. #### 72', '24', 0],
])('of the answer %j, %j is %d', async (answer, completion, value) => {
  const problem = problemOf(answer);
  expect(await valueOf(await loadOne('number', problem), completion, problem)).toBe(value);
});
