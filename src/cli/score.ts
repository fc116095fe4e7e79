/** `score`: log-probabilities and entropies of given completions, JSON lines in and out. */
import { createInterface } from 'node:readline';
import { SCORE } from '../config/options.js';
import { toOptions } from '../config/train-options.js';
import { GrpoError } from '../errors.js';
import type { LanguageModel } from '../model/language-model.js';
import { INTERRUPTED } from './interrupt.js';
import { schemaCommand } from './schema-command.js';
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
      'In: prompt or prompt_ids, completion or completion_ids',
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
      for await (const text of createInterface({ input: process.stdin, signal })) {
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

interface Line {
  prompt: Int32Array;
  completion: Int32Array;
}

async function scoreLines(model: LanguageModel, lines: Line[], temperature: number): Promise<void> {
  // Equal prompts share their tokens.
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

/** @throws {GrpoError} SCORE_INPUT, naming the line */
function parseLine(model: LanguageModel, text: string, number: number): Line {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw bad(number, 'is not JSON', text);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw bad(number, 'is not a JSON object', text);
  const value = json as Record<string, unknown>;
  return {
    prompt: idsOf(model, value, 'prompt', number),
    completion: idsOf(model, value, 'completion', number),
  };
}

function idsOf(
  model: LanguageModel,
  value: Record<string, unknown>,
  name: string,
  number: number,
): Int32Array {
  const given = value[`${name}_ids`] ?? value[name];
  if (typeof given !== 'string' && !Array.isArray(given))
    throw bad(number, `has neither ${name} nor ${name}_ids`, value);
  const ids = typeof given === 'string' ? [...model.tokenizer.encode(given)] : (given as unknown[]);
  if (ids.length === 0) throw bad(number, `has an empty ${name}`, given);
  const wrong = ids.find((id) => !isId(id, model.config.vocabSize));
  if (wrong !== undefined)
    throw bad(
      number,
      `has the id ${JSON.stringify(wrong)} in ${name}_ids, where the vocabulary ends at ${model.config.vocabSize - 1}`,
      wrong,
    );
  return Int32Array.from(ids as number[]);
}

const isId = (id: unknown, vocabSize: number) =>
  Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabSize;

function bad(number: number, problem: string, value: unknown): GrpoError {
  return new GrpoError('SCORE_INPUT', `line ${number} of the input ${problem}`, {
    fix: 'write one object a line, such as {"prompt": "2 + 2 = ", "completion": "4"}',
    value,
  });
}
