/**
 * Training from a program: a task and a reward of one's own, a callback a step, and Ctrl-C by an AbortSignal.
 *
 *     node examples/custom-reward.mjs [model] [steps]
 *
 * The reward gives partial credit: the nearer a sum is to the right one, the better.
 */
/* global AbortController */
import { train } from 'grpo-native';

const [model = 'tiny', steps = '200'] = process.argv.slice(2);

/** Sums of two numbers below ten. One problem in five is held out, by its text. */
const sums = {
  name: 'sums',
  problems: () =>
    Array.from({ length: 100 }, (_, i) => {
      const [a, b] = [Math.floor(i / 10), i % 10];
      return { prompt: `Calculate: ${a} + ${b} = `, answer: String(a + b) };
    }),
  /** May be asynchronous: a judge over the network, a sandbox, another model. */
  reward: async (completions) =>
    completions.map(({ completion, answer }) => {
      const said = Number.parseInt(completion, 10);
      return Number.isNaN(said) ? -1 : 1 - Math.min(2, Math.abs(said - Number(answer)) / 5);
    }),
  /** The first character that is no digit decides the answer. */
  stop: (text) => /^\s*-?\d*[^\d\s-]/.test(text),
  isCorrect: ({ completion, answer }) => completion.trim().replace(/\D.*$/s, '') === answer,
};

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());

const summary = await train(
  { model, maxSteps: Number(steps), batchSize: 64, numGenerations: 16, evalSteps: 0, seed: 1 },
  {
    task: sums,
    // `outputDir` would keep metrics, checkpoints and the model in a folder.
    save: false,
    signal: interrupt.signal,
    onStep: ({ step, reward, kl, step_time }) => {
      if (step % 10 === 0 || step === 1)
        console.log(
          `step ${step}: reward ${reward.toFixed(3)}, KL ${kl.toFixed(3)}, ${step_time.toFixed(2)} s`,
        );
    },
  },
);

const percent = ({ accuracy, low, high }) =>
  `${(100 * accuracy).toFixed(1)}% (95%: ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
console.log(`${summary.steps} steps in ${summary.seconds.toFixed(1)} s`);
console.log(`held-out sums right before: ${percent(summary.before)}`);
if (summary.after) console.log(`held-out sums right after:  ${percent(summary.after)}`);
