/** Parts of batches, and the scores of parts put together. */
import { joined } from '../common/floats.js';
import type { Batch, TokenScores } from '../engine/types.js';

/** The completions from index `from` to before `to`, with their prompts. */
export function sliceBatch({ prompts, completions, promptOf }: Batch, from: number, to: number): Batch {
  const own = promptOf.slice(from, to);
  const used = [...new Set(own)];
  return {
    prompts: used.map((prompt) => prompts[prompt]!),
    completions: completions.slice(from, to),
    promptOf: own.map((prompt) => used.indexOf(prompt)),
  };
}

/** Number of tokens of completions. */
export const tokensIn = (completions: readonly Int32Array[]): number =>
  completions.reduce((sum, ids) => sum + ids.length, 0);

/** The scores of parts of a batch, one after another. */
export function joinedScores(parts: readonly TokenScores[]): TokenScores {
  const sum = (of: 'nodes' | 'computed' | 'predicted') => parts.reduce((total, part) => total + part[of], 0);
  return {
    logps: joined(parts.map(({ logps }) => logps)),
    entropies: joined(parts.map(({ entropies }) => entropies)),
    ...(parts.some(({ kls }) => kls) && { kls: joined(parts.map(({ kls }) => kls ?? new Float32Array())) }),
    nodes: sum('nodes'),
    computed: sum('computed'),
    predicted: sum('predicted'),
  };
}
