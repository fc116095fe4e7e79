/**
 * Checks that a prompt and its completion fit into a model's maximum number of positions. Sampling, scoring and
 * training all refuse a longer one with the same error, before they start.
 */
import { GrpoError, shown } from '../common/errors.js';
import type { Batch, ModelConfig } from '../engine/types.js';
import type { Tokenizer } from './tokenizer.js';

type Positions = Pick<ModelConfig, 'maxPositionEmbeddings'>;

/**
 * The token ids of a prompt.
 * @throws {GrpoError} PROMPT_EMPTY, PROMPT_TOO_LONG
 */
export function encodePrompt(
  { tokenizer, config }: { tokenizer: Pick<Tokenizer, 'encodePrompt'>; config: Positions },
  prompt: string,
  maxCompletionLength: number,
): Int32Array {
  const ids = tokenizer.encodePrompt(prompt);
  const what = `the prompt ${shown(prompt)}`;
  if (ids.length === 0)
    throw new GrpoError('PROMPT_EMPTY', `${what} has no tokens`, {
      fix: 'give every prompt some text',
      value: prompt,
    });
  checkPositions(config, ids.length, maxCompletionLength, {
    what,
    fix: 'shorten the prompt or lower --max-completion-length',
  });
  return ids;
}

/**
 * @param prompt number of its tokens
 * @param completion number of tokens that it has, or may get
 * @throws {GrpoError} PROMPT_TOO_LONG
 */
export function checkPositions(
  { maxPositionEmbeddings }: Positions,
  prompt: number,
  completion: number,
  { what, fix }: { what: string; fix: string },
): void {
  if (prompt + completion > maxPositionEmbeddings)
    throw new GrpoError(
      'PROMPT_TOO_LONG',
      `${what} has ${prompt} tokens; with ${completion} more the model's ${maxPositionEmbeddings} positions do not suffice`,
      { fix, value: prompt },
    );
}

/** @throws {GrpoError} PROMPT_TOO_LONG */
export function checkBatch(config: Positions, { prompts, completions, promptOf }: Batch): void {
  completions.forEach((completion, i) =>
    checkPositions(config, prompts[promptOf[i]!]?.length ?? 0, completion.length, {
      what: `the prompt of completion ${i}`,
      fix: 'shorten the prompt or the completion',
    }),
  );
}
