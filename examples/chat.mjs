/**
 * A question to a model that was tuned for conversations.
 *
 *     node examples/chat.mjs [model] [question]
 */
import { LanguageModel } from 'grpo-native';

const [name = 'Qwen/Qwen2.5-0.5B-Instruct', question = 'What is 15 + 8?'] = process.argv.slice(2);
// `chat: true` refuses a model without a chat template before its weights are read.
const model = await LanguageModel.load({ model: name, chat: true });
try {
  const messages = [
    { role: 'system', content: 'Answer with a number alone.' },
    { role: 'user', content: question },
  ];
  console.log(model.chatTemplate.render(messages)); // what the model sees
  const { completions } = await model.sample({
    prompts: [model.promptIds(messages)],
    promptIndices: [0],
    numGenerations: 4,
    maxCompletionLength: 32,
    temperature: 0.7,
    endOfTurn: true, // beside the end of text, the end of the answer ends it
    seed: 42,
    step: 0,
  });
  for (const { text, ended } of completions) console.log(`ended by ${ended}: ${JSON.stringify(text)}`);
} finally {
  await model.dispose();
}
