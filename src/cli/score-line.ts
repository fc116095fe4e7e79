/** One line of what `score` is given: JSON with a prompt, as text, messages or ids, and a completion, as text or ids. */
import { isObject, parseJson } from '../common/json.js';
import { GrpoError, shown } from '../common/errors.js';
import { isConversation } from '../model/message.js';
import { checkPositions, promptIds, type Encoder } from '../model/positions.js';
import type { Tokenizer } from '../model/tokenizer.js';
import type { ModelConfig } from '../engine/types.js';

/** The parts of a model that parsing needs. */
interface Model extends Encoder {
  tokenizer: Pick<Tokenizer, 'encode' | 'encodePrompt'>;
  config: Pick<ModelConfig, 'vocabSize' | 'maxPositionEmbeddings'>;
}

export interface Line {
  prompt: Int32Array;
  completion: Int32Array;
}

/** @throws {GrpoError} SCORE_INPUT, PROMPT_TOO_LONG, naming the line; CHAT_TEMPLATE_MISSING, CHAT_TEMPLATE_FAILED */
export function parseLine(model: Model, text: string, number: number): Line {
  const json = parseJson(text);
  if (json === undefined) throw bad(number, 'is not JSON', text);
  if (!isObject(json)) throw bad(number, 'is not a JSON object', text);
  const prompt = checked(model, promptOf(model, json, number), 'prompt', json, number);
  const completion = checked(model, completionOf(model, json), 'completion', json, number);
  checkPositions(model.config, prompt.length, completion.length, {
    what: `the prompt of line ${number} of the input`,
    fix: 'shorten the prompt or the completion',
  });
  return { prompt, completion };
}

type Json = Record<string, unknown>;

/** The prompt's ids: as they are given, of its messages, or of its text; undefined where it is none of these. */
function promptOf(model: Model, { prompt_ids: ids, messages, prompt }: Json, number: number): unknown {
  if (Array.isArray(ids)) return ids;
  if (messages !== undefined && !isConversation(messages))
    throw bad(number, 'has messages that are no list of {"role": "user", "content": "..."}', messages);
  if (messages) return promptIds(model, { prompt: '', messages });
  return typeof prompt === 'string' ? promptIds(model, { prompt }) : undefined;
}

function completionOf({ tokenizer }: Model, { completion_ids: ids, completion }: Json): unknown {
  if (Array.isArray(ids)) return ids;
  return typeof completion === 'string' ? tokenizer.encode(completion) : undefined;
}

function checked(
  { config: { vocabSize } }: Model,
  ids: unknown,
  name: 'prompt' | 'completion',
  line: Json,
  number: number,
): Int32Array {
  if (!Array.isArray(ids) && !(ids instanceof Int32Array))
    throw bad(number, `has neither ${name} nor ${name}_ids`, line);
  if (ids.length === 0) throw bad(number, `has an empty ${name}`, line[name]);
  const wrong: unknown = Array.from<unknown>(ids).find((id) => !isId(id, vocabSize));
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
