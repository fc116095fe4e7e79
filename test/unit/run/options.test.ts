import { expect, expectTypeOf, it } from 'vitest';
import { camelKeys, snakeKeys, toCamel, toKebab, toSnake } from '../../../src/config/names.js';
import { TRAIN } from '../../../src/run/options.js';
import { toOptions, type TrainOptions } from '../../../src/run/train-options.js';
import { trainConfig, trainOptions } from '../../../src/experiments/train.js';

it('spells every option three ways, and back', () => {
  for (const name of Object.keys(TRAIN.shape)) {
    expect(toSnake(toCamel(name))).toBe(name);
    expect(toSnake(toKebab(toCamel(name)))).toBe(name);
  }
  expect([toCamel('adam_beta1'), toKebab('numTrainEpochs')]).toEqual(['adamBeta1', 'num-train-epochs']);
  expect(snakeKeys(camelKeys({ top_k: 1, min_p: 0 }))).toEqual({ top_k: 1, min_p: 0 });
});

it('leaves nothing to be looked up', () => {
  const options = trainOptions({ model: './x', epsilon: 0.3, stop: '\n' });
  expect(options).toMatchObject({ epsilonHigh: 0.3, stop: ['\n'], numGenerations: 16 });
  expect(trainOptions({ epsilonHigh: 0.4 }).epsilonHigh).toBe(0.4);
  expect(trainOptions({ stop: 'none' }).stop).toBe('none');
  expect(trainOptions({ stop: ['none'] }).stop).toEqual(['none']);
  expectTypeOf(options).toEqualTypeOf<TrainOptions>();
  expectTypeOf(options.epsilonHigh).toEqualTypeOf<number>();
});

it('takes its own output', () => {
  const config = trainConfig({ stop: ['a', 'b'], taskWeights: { arithmetic: 1 } });
  expect(trainConfig(camelKeys(config))).toEqual(config);
  expect(toOptions(config).taskWeights).toEqual({ arithmetic: 1 });
  expect(() => trainConfig({ batchsize: 3 } as never)).toThrow(/batchsize is not an option/);
});
