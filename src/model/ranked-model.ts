/**
 * A model that several processes train together: each samples, scores and learns from its share of the completions,
 * and all get the results of all. Whoever uses it computes as if it were alone: rewards, advantages and the loss are
 * of the whole batch in every rank, so that every denominator is global, and gradients are added up.
 */
import { GrpoError } from '../common/errors.js';
import type { Batch, OptimizerOptions, TokenScores } from '../engine/types.js';
import { DEADLINE, type Ranks } from '../engine/ranks/ranks.js';
import { joinedScores, sliceBatch, tokensIn } from './batch.js';
import type { LanguageModel, SampledCompletion, SampleOptions, Samples } from './language-model.js';
import type { Shared, TrainableModel } from './trainable.js';

/** What ranks take of a model beside the rest. */
export type SummableModel = TrainableModel & Pick<LanguageModel, 'sumGradients'>;

/** Completions `from` to before `to`, which lie prompt after prompt. */
interface Range {
  from: number;
  to: number;
}

/**
 * Deals completions to ranks: whole groups as long as there are enough of them, so that a rank computes a prompt's
 * tokens once; where there are fewer groups than ranks, parts of a group each.
 *
 * @param groups `[groups]` number of completions
 * @param divisible whether a group may be divided: its completions don't depend on each other
 * @returns `[ranks]`, of which some may be empty
 */
export function deal(groups: readonly number[], ranks: number, divisible: boolean): Range[] {
  const starts = [0];
  for (const count of groups) starts.push(starts.at(-1)! + count);
  const share = (of: number, i: number, parts: number) => Math.floor((of * i) / parts);
  if (ranks <= groups.length || !divisible)
    return Array.from({ length: ranks }, (_, rank) => ({
      from: starts[share(groups.length, rank, ranks)]!,
      to: starts[share(groups.length, rank + 1, ranks)]!,
    }));
  return groups.flatMap((count, group) => {
    // The ranks of this group.
    const first = share(ranks, group, groups.length);
    const parts = share(ranks, group + 1, groups.length) - first;
    return Array.from({ length: parts }, (_, i) => ({
      from: starts[group]! + share(count, i, parts),
      to: starts[group]! + share(count, i + 1, parts),
    }));
  });
}

/** @param model this process' own */
export function rankedModel(model: SummableModel, ranks: Ranks): TrainableModel {
  const shared = new RankedModel(model, ranks);
  return new Proxy(model, {
    get(target, name) {
      const from = name in shared ? shared : target;
      const member: unknown = Reflect.get(from, name, from);
      return typeof member === 'function' ? (member.bind(from) as unknown) : member;
    },
  });
}

/** What a rank does otherwise than a process alone. */
class RankedModel
  implements Shared, Pick<TrainableModel, 'sample' | 'score' | 'forward' | 'backward' | 'optimizerStep'>
{
  /** Token positions of this rank's share of the last `forward`, among those of the whole batch. */
  #forwarded: Range = { from: 0, to: 0 };

  constructor(
    private readonly model: SummableModel,
    private readonly ranks: Ranks,
  ) {}

  once<T>(work: () => Promise<T>): Promise<T> {
    return this.ranks.once(work);
  }

  async sample(options: SampleOptions): Promise<Samples> {
    const { prompts, promptIndices, numGenerations, firstGeneration = 0, stop, samplingMethod } = options;
    const independent = (samplingMethod ?? 'independent') === 'independent';
    const groups = prompts.map(() => numGenerations);
    const { from, to } = deal(groups, this.ranks.size, independent)[this.ranks.rank]!;
    const first = Math.floor(from / numGenerations);
    const last = Math.ceil(to / numGenerations);
    // A range that begins within a group ends within it too.
    const begin = from - first * numGenerations;
    const parts = await this.ranks.all(async () => {
      if (from === to) return { completions: [], computed: 0 };
      const samples = await this.model.sample({
        ...options,
        prompts: prompts.slice(first, last),
        promptIndices: promptIndices.slice(first, last),
        numGenerations: Math.min(numGenerations, to - from),
        firstGeneration: firstGeneration + begin,
        ...(stop && { stop: (text, prompt, drawn) => stop(text, first + prompt, drawn) }),
      });
      const completions = samples.completions.map((one): SampledCompletion => ({
        ...one,
        prompt: first + one.prompt,
      }));
      return { completions, computed: samples.computed };
    });
    return {
      completions: parts.flatMap(({ completions }) => completions),
      computed: parts.reduce((sum, { computed }) => sum + computed, 0),
    };
  }

  async score(batch: Batch, options?: Parameters<TrainableModel['score']>[1]): Promise<TokenScores> {
    const share = this.#share(batch);
    return joinedScores(
      await this.ranks.all(async () => (share.batch ? this.model.score(share.batch, options) : NOTHING)),
    );
  }

  async forward(
    batch: Batch,
    temperature: number,
    options?: Parameters<TrainableModel['forward']>[2],
  ): Promise<TokenScores> {
    const share = this.#share(batch);
    this.#forwarded = share.tokens;
    return joinedScores(
      await this.ranks.all(async () =>
        share.batch ? this.model.forward(share.batch, temperature, options) : NOTHING,
      ),
    );
  }

  /** The same derivatives of the whole batch in every rank. */
  async backward(
    dLogps: Float32Array,
    dEntropies: Float32Array | null = null,
    dKls: Float32Array | null = null,
  ): Promise<void> {
    const { from, to } = this.#forwarded;
    const own = (values: Float32Array | null) => values?.slice(from, to) ?? null;
    // Where a rank alone fails, the others must not wait for its gradients.
    await this.ranks.all(async () => {
      if (from < to) await this.model.backward(own(dLogps)!, own(dEntropies), own(dKls));
    });
  }

  async optimizerStep(options: OptimizerOptions): Promise<number> {
    await this.model.sumGradients(DEADLINE);
    const norms = await this.ranks.all(() => this.model.optimizerStep(options));
    const differs = norms.findIndex((norm) => !Object.is(norm, norms[0]));
    if (differs < 0) return norms[0]!;
    throw new GrpoError(
      'RANKS_DIVERGED',
      `rank ${differs} has another gradient norm than rank 0 (${norms[differs]} and ${norms[0]}): their weights differ from now on`,
      {
        fix: 'give all ranks processors of one kind and the same --threads, and go on from the last checkpoint: --resume',
        value: norms,
        exitCode: 1,
      },
    );
  }

  /** The share of this rank; no batch where it is empty. */
  #share(batch: Batch): { batch: Batch | undefined; tokens: Range } {
    const groups = batch.prompts.map(() => 0);
    for (const prompt of batch.promptOf) groups[prompt]!++;
    const { from, to } = deal(groups, this.ranks.size, true)[this.ranks.rank]!;
    const begin = tokensIn(batch.completions.slice(0, from));
    const own = from === to ? undefined : sliceBatch(batch, from, to);
    return { batch: own, tokens: { from: begin, to: begin + tokensIn(own?.completions ?? []) } };
  }
}

const NOTHING: TokenScores = {
  logps: new Float32Array(),
  entropies: new Float32Array(),
  nodes: 0,
  computed: 0,
  predicted: 0,
};
