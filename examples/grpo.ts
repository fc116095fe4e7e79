/**
 * GRPO (Shao et al. 2024, arXiv:2402.03300) from beginning to end, over the library's primitives.
 *
 *     npx tsx examples/grpo.ts [steps] [model]
 *
 * `grpo-native train --max-steps STEPS --model MODEL` gives the same numbers. What it adds: evaluation,
 * checkpoints, micro-batches, a cache of the reference's log-probs, other losses.
 *
 * Shapes: B prompts, G completions of each, N = B * G completions, T completion tokens in all.
 */
import * as grpo from 'grpo-native';

const [steps = '20', name = 'tiny'] = process.argv.slice(2);
const options = grpo.trainOptions({ model: name, maxSteps: Number(steps) });
const { temperature, numGenerations, maxCompletionLength, seed } = options;
const { adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: eps, weightDecay, maxGradNorm } = options;

const task = await grpo.loadTask('arithmetic', options);
const { train: problems, stages } = await grpo.loadDataset(task, options);
const batches = grpo.planBatches(stages, options);
const model = await grpo.LanguageModel.load({ model: options.model });
await model.freezeReference();

for (let step = 1; step <= options.maxSteps; step++) {
  const promptIndices = batches.prompts(step - 1); // [B]
  const prompts = promptIndices.map((index) => model.tokenizer.encodePrompt(problems[index]!.prompt));

  // Sample a group of completions for each prompt. `stop` ends one where its reward is decided.
  const { completions } = await model.sample({
    ...{ prompts, promptIndices, numGenerations, maxCompletionLength, temperature, seed, step },
    stop: (text, prompt) => task.stop!(text, problems[promptIndices[prompt]!]!),
    keepActivations: true, // the forward below finds what sampling computed
  });

  // Reward each by a rule, and compare it with its group.
  const rewards = await task.reward(
    completions.map(({ prompt, text: completion }) => {
      const problem = problems[promptIndices[prompt]!]!;
      return { prompt: problem.prompt, completion, answer: problem.answer, problem };
    }),
  );
  const values = rewards.map((reward) => reward ?? NaN); // [N]
  const { values: advantages } = grpo.computeAdvantages([values], options); // [N]

  // Log-probs of the completions' tokens: those of the frozen reference, then the policy's.
  const batch = {
    prompts,
    completions: completions.map(({ ids }) => ids),
    promptOf: Int32Array.from(completions, ({ prompt }) => prompt), // [N]
  };
  const { logps: refLogps } = await model.score(batch, { which: 'reference', temperature }); // [T]
  const { logps, entropies } = await model.forward(batch, temperature); // [T]

  // The loss and its derivative with respect to each log-prob, which the engine propagates to the weights.
  // The policy is the one that sampled, so the old log-probs are its own (null) and every ratio is 1.
  const lengths = completions.map(({ ids }) => ids.length); // [N]
  const input = { logps, oldLogps: null, refLogps, entropies, lengths, advantages };
  const { loss, dLogps, metrics } = grpo.policyLoss(
    { ...input, tokensInStep: logps.length },
    { ...options, entropyCoef: null },
  );
  await model.backward(dLogps, null);
  const learningRate = grpo.learningRateAt(step - 1, batches.totalSteps, options);
  const grad_norm = await model.optimizerStep({
    ...{ learningRate, beta1, beta2, eps, weightDecay, maxGradNorm, noWeightDecay: [] },
  });

  const reward = values.reduce((sum, value) => sum + value) / values.length;
  console.log(JSON.stringify({ step, loss, reward, kl: metrics.kl, grad_norm }));
}
await model.dispose();
