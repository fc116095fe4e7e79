/** Each position of sampling takes about as long as the one before: nothing is planned or built anew. */
import type { LanguageModel } from '../../../src/model/language-model.js';
import { spread } from '../../statistics.js';
import { deep, tokens } from '../models.js';
import type { Part } from '../part.js';

const POSITIONS = { full: 64, small: 12 };
/** Positions at the beginning that aren't counted: kernels are loaded, memory is asked for. */
const WARMUP = 8;
/** How much longer than the median a position may take on a GPU: cuDNN's plans took ten times as long. */
const TIMES = 4;

export const positions: Part = {
  name: 'positions',
  title: '64 completions, token by token, bfloat16',
  kind: 'measure',
  seconds: 60,
  async run(check) {
    const model = await deep(check.scale).open(check.device, 'bfloat16');
    const length = POSITIONS[check.scale];
    const { median, max } = spread((await seconds(model, length)).slice(WARMUP));
    check.measured('a position, median', 1000 * median, 'ms');
    check.measured('the slowest', 1000 * max, 'ms');
    if (check.isGpu) check.atMost('the slowest over the median', max / median, TIMES, 'times');
    await model.dispose();
  },
};

/** Of each position. */
async function seconds(model: LanguageModel, maxCompletionLength: number): Promise<number[]> {
  const times: number[] = [];
  let last = performance.now();
  await model.sample({
    prompts: [tokens(20, model.config.vocabSize, 'positions')],
    promptIndices: [0],
    numGenerations: 64,
    maxCompletionLength,
    temperature: 1,
    seed: 1,
    step: 1,
    onPosition: () => {
      const now = performance.now();
      times.push((now - last) / 1000);
      last = now;
    },
  });
  return times;
}
