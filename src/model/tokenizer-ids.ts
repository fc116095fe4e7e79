/**
 * Checks the token ids of a tokenizer.json before the tokenizer library reads it: the library allocates a
 * list as long as the highest id.
 */
import { GrpoError, shown } from '../common/errors.js';

/** Limit of ids where the number of the model's embeddings is not known. */
const MOST = 2 ** 24;

/**
 * @param vocabSize number of embeddings of the model
 * @returns added tokens that the model has no embedding for; they are allowed as long as no text uses them
 * @throws {GrpoError} TOKENIZER_INVALID where an id is no whole number, TOKENIZER_VOCABULARY where an entry
 *   of the
 * vocabulary itself has no embedding: the tokenizer belongs to another model
 */
export function checkIds(json: Record<string, unknown>, file: string, vocabSize = MOST): Map<number, string> {
  const beyond = new Map<number, string>();
  for (const { token, id, added } of idsOf(json)) {
    if (!Number.isInteger(id) || (id as number) < 0)
      throw new GrpoError('TOKENIZER_INVALID', `${file}: the token ${shown(token)} has the id ${shown(id)}`, {
        fix: 'fetch tokenizer.json again, or save it with a current version of transformers',
        value: id,
      });
    if (added && (id as number) >= vocabSize && (id as number) < MOST)
      beyond.set(id as number, String(token));
    else if ((id as number) >= vocabSize)
      throw new GrpoError(
        'TOKENIZER_VOCABULARY',
        `${file} gives the token ${shown(token)} the id ${String(id)}, but the model has ${vocabSize} embeddings`,
        { fix: 'use the tokenizer that belongs to this model', value: id },
      );
  }
  return beyond;
}

/** All tokens with their ids, unchecked. Other faults of the file are reported by the tokenizer library. */
function* idsOf(json: Record<string, unknown>): Generator<{ token: unknown; id: unknown; added: boolean }> {
  const vocab = (json.model as { vocab?: unknown } | null | undefined)?.vocab;
  // Unigram has a list, whose positions are the ids.
  if (Array.isArray(vocab)) yield { token: vocab.at(-1), id: Math.max(0, vocab.length - 1), added: false };
  else if (typeof vocab === 'object' && vocab !== null)
    for (const [token, id] of Object.entries(vocab)) yield { token, id, added: false };
  if (!Array.isArray(json.added_tokens)) return;
  for (const added of json.added_tokens as ({ id?: unknown; content?: unknown } | null)[])
    yield { token: added?.content, id: added?.id, added: true };
}
