/** `generate`: completions of a prompt. */
import type { CommandModule } from 'yargs';
import { GENERATE } from '../config/options.js';
import { askedOptions, askOptions, type AskArguments, withModel } from './ask-command.js';
import { printJsonLine } from './output.js';

export const command: CommandModule<object, AskArguments> = {
  command: 'generate',
  describe: 'Sample completions of a prompt',
  builder: (yargs) =>
    askOptions(
      yargs,
      GENERATE,
      [
        ['$0 generate --model tiny --prompt "Calculate: 7 + 8 = " --num 4', 'Four completions'],
        [
          '$0 generate --model Qwen/Qwen2.5-0.5B --prompt "The capital of France is" --temperature 0 --json',
          'The likeliest, with log-probs',
        ],
      ],
      'Print a JSON line a completion: prompt, completion, completion_ids, logps',
    ),
  handler: async (argv) => {
    const { prompt, num, stop: stopOption, ...options } = askedOptions('generate', GENERATE, argv);
    const { stopRule } = await import('../grpo/stop.js');
    const { visible } = await import('../report/text.js');
    await withModel(options, async (model, signal) => {
      const stop = stopRule(stopOption);
      const { completions } = await model.sample({
        ...options,
        prompts: [model.tokenizer.encode(prompt)],
        promptIndices: [0],
        numGenerations: num,
        step: 0,
        ...(stop && { stop: (text) => stop(text, { prompt, answer: '' }) }),
        signal,
      });
      for (const { text, ids, logps, ended } of completions) {
        if (argv.json)
          printJsonLine({ prompt, completion: text, completion_ids: [...ids], logps: [...logps], ended });
        else process.stdout.write(`${process.stdout.isTTY ? visible(text) : text}\n`);
      }
    });
  },
};
