/** `generate`: completions of a prompt. */
import { GENERATE } from './options.js';
import { toOptions } from '../run/train-options.js';
import { schemaCommand } from './schema-command.js';
import { withModel } from './with-model.js';
import { printJsonLine } from './output.js';

export const command = schemaCommand({
  name: 'generate',
  describe: 'Sample completions of a prompt',
  schema: GENERATE,
  extra: {
    json: {
      type: 'boolean',
      default: false,
      describe:
        'Print a JSON line a completion: prompt (and messages), completion, completion_ids, logps (always so where the output is not a terminal)',
    },
  },
  examples: [
    ['grpo-native generate --model tiny --prompt "Calculate: 7 + 8 = " --num 4', 'Four completions'],
    [
      'grpo-native generate --model Qwen/Qwen2.5-0.5B-Instruct --chat --prompt "What is the capital of France?"',
      'A question to a model that answers, in its chat template',
    ],
    [
      'grpo-native generate --model Qwen/Qwen2.5-0.5B --prompt "The capital of France is" --temperature 0 --json',
      'The likeliest, with log-probs',
    ],
  ],
  run: async (config, argv) => {
    const { prompt, num, stop: stopOption, ...options } = toOptions(config);
    const { asConversation, hasConversation } = await import('../model/message.js');
    const asked = asConversation({ prompt }, options);
    const chat = hasConversation([asked]);
    const { checkStop, stopRule } = await import('../grpo/stop.js');
    const { encodePrompt } = await import('../model/positions.js');
    const { visible } = await import('../ui/terminal/text.js');
    await withModel({ ...options, chat }, async (model, signal) => {
      checkStop(stopOption, model.tokenizer);
      const stop = stopRule(stopOption);
      const { completions } = await model.sample({
        ...options,
        prompts: [encodePrompt(model, asked, options.maxCompletionLength)],
        promptIndices: [0],
        numGenerations: num,
        endOfTurn: chat,
        step: 0,
        ...(stop && { stop: (text, _, drawn) => stop(text, { prompt, answer: '' }, drawn) }),
        signal,
      });
      for (const { text, ids, logps, ended } of completions) {
        if (argv.json || !process.stdout.isTTY)
          printJsonLine({ ...asked, completion: text, completion_ids: [...ids], logps: [...logps], ended });
        else process.stdout.write(`${visible(text)}\n`);
      }
    });
  },
});
