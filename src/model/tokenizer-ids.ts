/**
 * The ids of a tokenizer.json, checked before anything is made of it: its library makes a list as long as the
 * highest of them.
 */
import { GrpoError, shown } from '../common/errors.js';

/** Where the model doesn't say how many embeddings it has. */
const MOST = 2 ** 24;

/**
 * @param vocabSize embeddings of the model
 * @throws {GrpoError} TOKENIZER_INVALID where an id is none, TOKENIZER_VOCABULARY where the model has no embedding for it
 */
export function checkIds(json: Record<string, unknown>, file: string, vocabSize = MOST): void {
  for (const [token, id] of idsOf(json)) {
    if (!Number.isInteger(id) || (id as number) < 0)
      throw new GrpoError('TOKENIZER_INVALID', `${file}: the token ${shown(token)} has the id ${shown(id)}`, {
        fix: 'fetch tokenizer.json again, or save it with a current version of transformers',
        value: id,
      });
    if ((id as number) >= vocabSize)
      throw new GrpoError(
        'TOKENIZER_VOCABULARY',
        `${file} gives the token ${shown(token)} the id ${String(id)}, but the model has ${vocabSize} embeddings`,
        { fix: 'use the tokenizer that belongs to this model', value: id },
      );
  }
}

/** Tokens with what stands for their ids; whatever else is wrong, the library says. */
function* idsOf(json: Record<string, unknown>): Generator<[unknown, unknown]> {
  const vocab = (json.model as { vocab?: unknown } | null | undefined)?.vocab;
  // Unigram has a list, whose positions are the ids.
  if (Array.isArray(vocab)) yield [vocab.at(-1), Math.max(0, vocab.length - 1)];
  else if (typeof vocab === 'object' && vocab !== null) yield* Object.entries(vocab);
  if (!Array.isArray(json.added_tokens)) return;
  for (const added of json.added_tokens as ({ id?: unknown; content?: unknown } | null)[])
    yield [added?.content, added?.id];
}
