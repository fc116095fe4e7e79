/**
 * Sampling, and what the model itself thinks of an answer.
 *
 *     node examples/sample-and-score.mjs [model]
 */
import { LanguageModel } from 'grpo-native';

const model = await LanguageModel.load({ model: process.argv[2] ?? 'tiny' });
try {
  const { device, dtype, threads, matrixBackend } = await model.info();
  console.log(`${model.folder} on ${device}, ${dtype}, ${threads} threads, ${matrixBackend}`);

  const text = 'Calculate: 7 + 8 = ';
  const prompt = model.tokenizer.encodePrompt(text);
  const { completions, computed } = await model.sample({
    prompts: [prompt],
    promptIndices: [0],
    numGenerations: 8,
    maxCompletionLength: 8,
    temperature: 0.7,
    seed: 42,
    step: 0,
  });
  for (const { text: answer, logps, ended } of completions) {
    const logp = logps.reduce((sum, value) => sum + value, 0);
    console.log(`${JSON.stringify(answer)} with probability ${Math.exp(logp).toFixed(4)}, ended by ${ended}`);
  }
  // Equal prefixes are computed once: a prompt for all completions, a first token for all that share it.
  const tokens = completions.reduce((sum, { ids }) => sum + prompt.length + ids.length, 0);
  console.log(`${computed} tokens computed for ${tokens}`);

  // The same numbers come from scoring, for any text.
  const right = model.tokenizer.encode('15');
  const scores = await model.score(
    { prompts: [prompt], completions: [right], promptOf: Int32Array.of(0) },
    { temperature: 0.7 },
  );
  console.log(`log-probs of "15": ${[...scores.logps].map((value) => value.toFixed(3)).join(', ')}`);
  console.log(`entropies, nats:   ${[...scores.entropies].map((value) => value.toFixed(3)).join(', ')}`);
} finally {
  await model.dispose();
}
