/** The rewards that options name, with their arguments. To add one: a file beside this one, and a line here. */
import type { RewardKind } from '../types.js';
import { contains, exactMatch } from './exact-match.js';
import { format, length } from './format.js';
import { http } from './http.js';
import { jsonSchema } from './json-schema.js';
import { math } from './math.js';
import { number } from './number.js';
import { oneOf } from './one-of.js';
import { partialCreditKind } from './partial-credit.js';
import { regex } from './regex.js';
import { similarity } from './similarity.js';

export const REWARD_KINDS: Record<string, RewardKind> = {
  partial_credit: partialCreditKind,
  exact_match: exactMatch,
  one_of: oneOf,
  contains,
  regex,
  number,
  math,
  json_schema: jsonSchema,
  format,
  length,
  similarity,
  http,
};
