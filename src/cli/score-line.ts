/** One line of what `score` is given: JSON with a prompt and a completion, as text or as ids. */
import { isObject, parseJson } from '../common/json.js';
import { GrpoError, shown } from '../common/errors.js';
import { checkPositions } from '../model/positions.js';
import type { Tokenizer } from '../model/tokenizer.js';
import type { ModelConfig } from '../engine/types.js';

/** The parts of a model that parsing needs. */
interface Model {
  tokenizer: Pick<Tokenizer, 'encode' | 'encodePrompt'>;
  config: Pick<ModelConfig, 'vocabSize' | 'maxPositionEmbeddings'>;
}

export interface Line {
  prompt: Int32Array;
  completion: Int32Array;
}

/** @throws {GrpoError} SCORE_INPUT, PROMPT_TOO_LONG, naming the line */
export function parseLine(model: Model, text: string, number: number): Line {
  const json = parseJson(text);
  if (json === undefined) throw bad(number, 'is not JSON', text);
  if (!isObject(json)) throw bad(number, 'is not a JSON object', text);
  const value = json;
  const prompt = idsOf(model, value, 'prompt', number);
  const completion = idsOf(model, value, 'completion', number);
  checkPositions(model.config, prompt.length, completion.length, {
    what: `the prompt of line ${number} of the input`,
    fix: 'shorten the prompt or the completion',
  });
  return { prompt, completion };
}

function idsOf(
  { tokenizer, config: { vocabSize } }: Model,
  value: Record<string, unknown>,
  name: 'prompt' | 'completion',
  number: number,
): Int32Array {
  const given = value[`${name}_ids`] ?? value[name];
  if (typeof given !== 'string' && !Array.isArray(given))
    throw bad(number, `has neither ${name} nor ${name}_ids`, value);
  const ids: ArrayLike<unknown> =
    typeof given !== 'string'
      ? given
      : name === 'prompt'
        ? tokenizer.encodePrompt(given)
        : tokenizer.encode(given);
  if (ids.length === 0) throw bad(number, `has an empty ${name}`, given);
  const wrong = Array.from(ids).find((id) => !isId(id, vocabSize));
  if (wrong !== undefined)
    throw bad(
      number,
      `has the id ${shown(wrong)} in ${name}_ids, where the vocabulary ends at ${vocabSize - 1}`,
      wrong,
    );
  return Int32Array.from(ids as ArrayLike<number>);
}

const isId = (id: unknown, vocabSize: number) =>
  Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabSize;

function bad(number: number, problem: string, value: unknown): GrpoError {
  return new GrpoError('SCORE_INPUT', `line ${number} of the input ${problem}`, {
    fix: 'write one object a line, such as {"prompt": "2 + 2 = ", "completion": "4"}',
    value,
  });
}
