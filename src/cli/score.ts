/** `score`: log-probabilities and entropies of given completions, JSON lines in and out. */
import { SCORE } from './options.js';
import { toOptions } from '../run/train-options.js';
import type { LanguageModel } from '../model/language-model.js';
import { INTERRUPTED } from './interrupt.js';
import { schemaCommand } from './schema-command.js';
import { linesOf } from './lines.js';
import { parseLine, type Line } from './score-line.js';
import { withModel } from './with-model.js';
import { printJsonLine } from './output.js';

export const command = schemaCommand({
  name: 'score',
  describe: 'Log-probabilities of given completions, JSON lines in and out',
  schema: SCORE,
  extra: { json: { type: 'boolean', default: false, describe: 'Always so: this command prints JSON lines' } },
  examples: [
    [
      `echo '{"prompt": "Calculate: 7 + 8 = ", "completion": "15"}' | grpo-native score --model tiny`,
      'In: prompt, messages or prompt_ids; completion or completion_ids',
    ],
    [
      'grpo-native generate --prompt "2 + 2 = " --json | grpo-native score --model runs/a/final',
      'What another model thinks of it',
    ],
  ],
  run: async (config) => {
    const options = toOptions(config);
    await withModel(options, async (model, signal) => {
      let waiting: Line[] = [];
      const flush = async () => {
        if (waiting.length > 0) await scoreLines(model, waiting, options.temperature);
        waiting = [];
      };
      let number = 0;
      for await (const text of linesOf(process.stdin, signal)) {
        number++;
        if (text.trim() === '') continue;
        waiting.push(parseLine(model, text, number));
        if (waiting.length >= options.batchSize) await flush();
      }
      await flush();
      if (signal.aborted) process.exitCode = INTERRUPTED;
    });
  },
});

async function scoreLines(model: LanguageModel, lines: Line[], temperature: number): Promise<void> {
  // Equal prompts are computed once.
  const keys = lines.map(({ prompt }) => prompt.join());
  const distinct = [...new Set(keys)];
  const { logps, entropies } = await model.score(
    {
      prompts: distinct.map((key) => lines[keys.indexOf(key)]!.prompt),
      completions: lines.map(({ completion }) => completion),
      promptOf: Int32Array.from(keys, (key) => distinct.indexOf(key)),
    },
    { temperature },
  );
  let from = 0;
  for (const { completion } of lines) {
    const to = from + completion.length;
    printJsonLine({
      completion_ids: [...completion],
      logps: [...logps.subarray(from, to)],
      entropies: [...entropies.subarray(from, to)],
    });
    from = to;
  }
}
