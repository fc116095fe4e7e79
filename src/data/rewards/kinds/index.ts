/**
 * The rewards that options name, with their arguments; each is loaded where it is used. To add one: a file beside this
 * one, and a line here.
 */
import type { RewardKind } from '../types.js';

export const REWARD_KINDS: Record<string, () => Promise<RewardKind>> = {
  partial_credit: async () => (await import('./partial-credit.js')).partialCreditKind,
  exact_match: async () => (await import('./exact-match.js')).exactMatch,
  one_of: async () => (await import('./one-of.js')).oneOf,
  contains: async () => (await import('./exact-match.js')).contains,
  regex: async () => (await import('./regex.js')).regex,
  number: async () => (await import('./number.js')).number,
  math: async () => (await import('./math.js')).math,
  json_schema: async () => (await import('./json-schema.js')).jsonSchema,
  format: async () => (await import('./format.js')).format,
  length: async () => (await import('./format.js')).length,
  similarity: async () => (await import('./similarity.js')).similarity,
  http: async () => (await import('./http.js')).http,
};
