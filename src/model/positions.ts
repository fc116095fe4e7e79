/**
 * A prompt's token ids, and whether it fits with its completion into a model's maximum number of positions.
 * Sampling, scoring and training all refuse a longer one with the same error, before they start.
 */
import { GrpoError, shown } from '../common/errors.js';
import type { Batch, ModelConfig } from '../engine/types.js';
import { missingTemplate, type ChatTemplate } from './chat-template.js';
import type { Prompt } from './message.js';
import type { Tokenizer } from './tokenizer.js';

type Positions = Pick<ModelConfig, 'maxPositionEmbeddings'>;

/** What turns prompts into ids. A model without a chat template takes no conversations. */
export interface Encoder {
  tokenizer: Pick<Tokenizer, 'encodePrompt'>;
  chatTemplate?: Pick<ChatTemplate, 'encode'> | undefined;
  folder?: string;
}

/**
 * The token ids of a prompt: of a text those that the model goes on from, of a conversation those of its chat
 * template, with the beginning of the answer.
 *
 * @throws {GrpoError} CHAT_TEMPLATE_MISSING, CHAT_TEMPLATE_FAILED, TOKENIZER_TEXT, TOKENIZER_VOCABULARY
 */
export function promptIds(
  { tokenizer, chatTemplate, folder = '' }: Encoder,
  { prompt, messages }: Prompt,
): Int32Array {
  if (!messages) return tokenizer.encodePrompt(prompt);
  if (!chatTemplate) throw missingTemplate(folder);
  return chatTemplate.encode(messages);
}

/**
 * The token ids of a prompt that has room for a completion.
 * @throws {GrpoError} PROMPT_EMPTY, PROMPT_TOO_LONG, and the codes of `promptIds`
 */
export function encodePrompt(
  model: Encoder & { config: Positions },
  prompt: Prompt,
  maxCompletionLength: number,
): Int32Array {
  const ids = promptIds(model, prompt);
  const what = `the prompt ${shown(prompt.prompt)}`;
  if (ids.length === 0)
    throw new GrpoError('PROMPT_EMPTY', `${what} has no tokens`, {
      fix: 'give every prompt some text',
      value: prompt.prompt,
    });
  checkPositions(model.config, ids.length, maxCompletionLength, {
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
