/** One line of what `score` is given: JSON with a prompt and a completion, as text or as ids. */
import { GrpoError, shown } from '../common/errors.js';
import type { LanguageModel } from '../model/language-model.js';

/** What of a model is needed for it. */
type Model = { tokenizer: Pick<LanguageModel['tokenizer'], 'encode'>; config: { vocabSize: number } };

export interface Line {
  prompt: Int32Array;
  completion: Int32Array;
}

/** @throws {GrpoError} SCORE_INPUT, naming the line */
export function parseLine(model: Model, text: string, number: number): Line {
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

function idsOf(model: Model, value: Record<string, unknown>, name: string, number: number): Int32Array {
  const given = value[`${name}_ids`] ?? value[name];
  if (typeof given !== 'string' && !Array.isArray(given))
    throw bad(number, `has neither ${name} nor ${name}_ids`, value);
  const ids = typeof given === 'string' ? [...model.tokenizer.encode(given)] : (given as unknown[]);
  if (ids.length === 0) throw bad(number, `has an empty ${name}`, given);
  const wrong = ids.find((id) => !isId(id, model.config.vocabSize));
  if (wrong !== undefined)
    throw bad(
      number,
      `has the id ${shown(wrong)} in ${name}_ids, where the vocabulary ends at ${model.config.vocabSize - 1}`,
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
