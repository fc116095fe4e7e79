/** A run of the embedded model by its defaults: it learns, and leaves a whole run folder. */
import { join } from 'node:path';
import { train } from '../../../src/experiments/train.js';
import { LanguageModel } from '../../../src/model/language-model.js';
import { readRun } from '../../../src/run/folder/read.js';
import { loadSplit, loadTask } from '../../../src/data/tasks/index.js';
import { evaluate } from '../../../src/run/evaluate.js';
import type { Part } from '../part.js';

const STEPS = { full: 100, small: 25 };
/** What the mean reward, from -1 to 1, must rise by from the first tenth of the steps to the last. */
const RISE = { full: 0.2, small: 0.05 };

export const training: Part = {
  name: 'training',
  title: 'tiny, trained by the defaults',
  kind: 'check',
  seconds: 180,
  async run(check) {
    const outputDir = join(check.folder, 'tiny');
    const maxSteps = STEPS[check.scale];
    const { device } = check;
    const summary = await train({ model: 'tiny', device, maxSteps, outputDir });
    check.equal('steps', summary.steps, maxSteps);
    const { steps, evaluations, summary: written } = await readRun(outputDir);
    check.equal('steps in the run folder', steps.length, maxSteps);
    check.atLeast('evaluations in it', evaluations.length, 2);
    check.equal('its summary', written === undefined ? 'missing' : 'there', 'there');
    const off = Math.abs((await accuracyOnCpu(summary.finalModel!)) - summary.after!.accuracy);
    check.atMost('accuracy of the model in it, on the CPU: off by', off, 0.02);
    check.atLeast('rise of the reward', summary.rewardLast! - summary.rewardFirst!, RISE[check.scale]);
  },
};

/** As the run itself was evaluated: greedy, on the same problems. */
async function accuracyOnCpu(folder: string): Promise<number> {
  const model = await LanguageModel.load({ model: folder, device: 'cpu' });
  try {
    const task = await loadTask('arithmetic');
    const problems = await loadSplit(task, 'held_out', 200);
    const { accuracy } = await evaluate(model, { task, problems, stop: task.stop, maxCompletionLength: 16 });
    return accuracy;
  } finally {
    await model.dispose();
  }
}
